// Package output is the only way out: history to ClickHouse, gauges to Prometheus, and
// live totals over core NATS to boards.
//
// In come kpi.Rows, kpi.TotalsSets and counts. ClickHouse keeps what it is given under
// computed identities, so writing again is harmless; its views are written from the
// definitions of the KPIs. Merger keeps the latest totals of each partition and their
// sums, and follows changes by their differences; it is as large as the totals of all
// partitions, and rebuilt by asking for full sets. Publisher keeps a number; Components
// and KPIs the totals for the next scrape, when KPIs are evaluated. None of it is saved.
//
// Nothing here reads a clock for its results or starts a goroutine. Writer, Merger and
// Publisher belong to one goroutine each; ClickHouse, Components, KPIs, Asks and Pipeline
// may be used by many. Errors of ClickHouse say through Retryable whether trying again can
// help.
package output
