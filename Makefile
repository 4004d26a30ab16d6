# deskpulse. `make` alone explains itself: a target's help is its ## comment.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
MODULES := proto pkg services tests

# Tools and the ClickHouse engine are kept outside the tree, so that clones share them.
CACHE := $(or $(DESKPULSE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/deskpulse)
TOOLS := $(CACHE)/bin

GOLANGCI_VERSION      := v2.15.0
GOTESTSUM_VERSION     := v1.13.0
BUF_VERSION           := v1.75.0
PROTOC_GEN_GO_VERSION := v1.36.12

GOLANGCI      := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
GOTESTSUM     := $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)/gotestsum
BUF           := $(TOOLS)/buf-$(BUF_VERSION)/buf
PROTOC_GEN_GO := $(TOOLS)/protoc-gen-go-$(PROTOC_GEN_GO_VERSION)/protoc-gen-go

SIMULATE ?= 20
ARGS     ?=
PKG      ?= ./proto/... ./pkg/... ./services/... ./tests/...
BENCH    ?= .
FUZZTIME ?= 20s
# The end-to-end tests start real processes; under the race detector on two cores all of
# it takes minutes. A test that hangs is ended, and shows where, at this bound.
TIMEOUT  ?= 15m

# These put hundreds of thousands of events through one goroutine: under the race detector
# they take five minutes each and can find nothing that other tests do not.
PLAIN := /tests/(replay|scenario)$$

.DEFAULT_GOAL := help

.PHONY: help
help: ## Print this help
	@echo "deskpulse $(VERSION): live KPIs of customer service"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run ARGS='--listen 127.0.0.1:9000'    more flags: bin/deskpulse run --help"
	@echo "  make test-fast PKG=./pkg/engine            one package"
	@echo "  make bench PKG=./pkg/engine BENCH=Apply    one benchmark"

.PHONY: build
build: ## Build bin/deskpulse, static
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false \
	  -ldflags '-s -w -X github.com/deskpulse/deskpulse/pkg/process.version=$(VERSION)' \
	  -o bin/deskpulse ./services

.PHONY: clickhouse
clickhouse: ## Fetch the ClickHouse engine (about 170 MB, once)
	@services/embedded/chdb/fetch.sh

.PHONY: run
run: build ## Run everything on this machine with simulated events (SIMULATE=20 a second)
	@services/embedded/chdb/fetch.sh >/dev/null || echo "make: no ClickHouse engine: going on without history" >&2
	@exec bin/deskpulse run --simulate $(SIMULATE) $(ARGS)

.PHONY: test
test: $(GOTESTSUM) ## Run every test with the race detector and the dear checks
	.ci/prepare
	$(GO) vet -tags invariants $(PKG)
	@set -e; all=$$($(GO) list $(PKG)); \
	raced=$$(echo "$$all" | grep -vE '$(PLAIN)' || true); plain=$$(echo "$$all" | grep -E '$(PLAIN)' || true); \
	[ -z "$$raced" ] || $(GOTESTSUM) --format standard-quiet -- -race -tags invariants -timeout $(TIMEOUT) $$raced; \
	[ -z "$$plain" ] || $(GOTESTSUM) --format standard-quiet -- -tags invariants -timeout $(TIMEOUT) $$plain

.PHONY: test-fast
test-fast: ## Run the tests without the race detector (PKG=…)
	$(GO) test -timeout $(TIMEOUT) $(PKG)

.PHONY: lint
lint: check-format check-proto check-modules $(GOLANGCI) ## Check format, rules, modules and generated code
	$(GOLANGCI) run ./proto/... ./pkg/... ./services/... ./tests/...

.PHONY: check-format
check-format: ## Check that gofmt has nothing to say
	@unformatted=$$(gofmt -l $(MODULES)); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

.PHONY: check-modules
check-modules: ## Check that each go.mod is tidy and stands without the workspace
	@set -e; for module in $(MODULES); do \
	  (cd $$module && GOWORK=off $(GO) mod tidy -diff) || \
	    { echo "$$module/go.mod is not tidy: cd $$module && GOWORK=off go mod tidy"; exit 1; }; \
	done

.PHONY: proto
proto: $(BUF) $(PROTOC_GEN_GO) ## Generate Go from proto/
	cd proto && PATH="$(dir $(PROTOC_GEN_GO)):$$PATH" $(BUF) generate

.PHONY: check-proto
check-proto: $(BUF) $(PROTOC_GEN_GO) ## Check that the generated Go is fresh, and the style of proto/
	@set -e; fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; cd proto; \
	$(BUF) lint; \
	PATH="$(dir $(PROTOC_GEN_GO)):$$PATH" $(BUF) generate -o "$$fresh"; \
	for file in $$(cd "$$fresh" && find . -name '*.pb.go'); do \
	  diff -u "$$file" "$$fresh/$$file" >&2 || { echo "proto/$$file is stale: make proto" >&2; exit 1; }; \
	done

.PHONY: bench
bench: ## Run the benchmarks (PKG=… BENCH=…)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m $(PKG)

.PHONY: fuzz
fuzz: ## Fuzz every decoder for a while each (FUZZTIME=20s)
	@set -e; for package in $$($(GO) list $(PKG)); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
	  done; \
	done

.PHONY: clean
clean: ## Remove what was built here (the shared cache stays)
	rm -rf bin .cache

# install,TARGET,PACKAGE@VERSION: build the tool once. The last step is a rename, so a
# build that was broken off leaves nothing behind that looks complete.
define install
	@echo "building $(2), once, into $(dir $(1))"
	@mkdir -p $(dir $(1))
	@set -e; work=$$(mktemp -d $(dir $(1))build.XXXXXX); trap 'rm -rf "$$work"' EXIT; \
	cd "$$work"; CGO_ENABLED=0 GOFLAGS= GOWORK=off GOBIN="$$work" $(GO) install -trimpath $(2); \
	mv "$$work/$(notdir $(1))" $(1)
endef

$(GOLANGCI):
	$(call install,$@,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION))
$(GOTESTSUM):
	$(call install,$@,gotest.tools/gotestsum@$(GOTESTSUM_VERSION))
$(BUF):
	$(call install,$@,github.com/bufbuild/buf/cmd/buf@$(BUF_VERSION))
$(PROTOC_GEN_GO):
	$(call install,$@,google.golang.org/protobuf/cmd/protoc-gen-go@$(PROTOC_GEN_GO_VERSION))
