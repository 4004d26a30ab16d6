// Package worker introduces input, engine and output to each other: the loop that is
// the whole system.
//
// In come the messages of the partitions that the worker owns (all of them, for now).
// Each partition has one goroutine, which alone touches its engine: it reads, applies,
// up to four times a second publishes what has changed in its totals, and once a second
// hands over the rows that have. One more goroutine writes the rows of all partitions to the
// history. Nothing is kept on disk: a worker that starts reads its streams from their
// beginning, and publishes once it has caught up.
//
// What cannot be decoded goes to the dead letters and never stops the line. A history
// that is away costs nothing but memory: rows stay in the engine until they are
// confirmed. A stream that does not continue where it should stops the worker, with the
// remedy.
package worker
