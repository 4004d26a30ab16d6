// Package e2e tests the real binary from the outside: events go in over a connection, and
// numbers come out of /metrics, ClickHouse and the page.
package e2e
