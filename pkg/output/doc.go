// Package output is the only way out: history to ClickHouse, gauges to Prometheus, and
// live readings over core NATS to boards.
//
// In come kpi.Rows, kpi.ReadingSets and counts. ClickHouse keeps what it is given under
// computed identities, so writing again is harmless; Merger keeps the latest readings of
// each partition; Publisher what it last sent; Components and KPIs a snapshot for the
// next scrape. All of it is rebuilt from the engine and none of it is saved.
//
// Nothing here reads a clock for its results or starts a goroutine. Writer, Merger and Publisher belong
// to one goroutine each; Components, KPIs and Pipeline may be used by many. Errors of
// ClickHouse say through Retryable whether trying again can help.
package output
