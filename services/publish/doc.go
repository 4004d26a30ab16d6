// Package publish holds the commands with which a person puts events in by hand and
// looks after those that were refused: publish and dlq.
//
// In come JSON events from files or standard input, out go messages on the partition
// streams, each acknowledged. Nothing is kept. A bad event is reported with its line and
// does not hold up the others; the command then fails.
package publish
