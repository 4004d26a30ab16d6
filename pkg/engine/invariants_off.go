//go:build !invariants

package engine

// invariants turns the dear checks on: make test does, a release does not.
const invariants = false
