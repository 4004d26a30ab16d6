// Package chdb is the ClickHouse of one machine: the real engine, as a library
// (libchdb), in a child process behind ClickHouse's own HTTP interface.
//
// [Start] is the parent's side: it starts the child, waits until it answers,
// starts it again when it dies, and never leaves it behind. [Serve] is the
// child's side: it loads the library and serves. A binary that calls Start also
// calls [RunChildIfAsked] as the first thing in main, so that it can be its own
// child. Callers then use clickhouse-go with Protocol HTTP, curl, or Grafana.
//
// State lives in one folder, in ClickHouse's own format, used by one process at
// a time. An insert is answered after its parts are in the file system, so a
// killed process loses no answered insert; a loss of power may (no fsync), unless
// the table asks for it (fsync_after_insert). A failure of the engine ends the
// child only, and callers see a refused or broken request.
//
// The engine resets the process's handlers for SIGSEGV and its like to the
// default when it starts. A nil dereference in the child is therefore a crash,
// not a panic: one more reason why it lives in a process of its own.
package chdb
