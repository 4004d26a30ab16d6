package input

import "sync/atomic"

// Counters counts what passes. All parts of one process may share one; whoever exposes
// metrics reads it. The zero value is ready.
type Counters struct {
	Messages atomic.Uint64 // read from the partition streams
	Bytes    atomic.Uint64 // their payload
	Reopened atomic.Uint64 // consumers made anew after a reconnect, a loss or a silence

	Decoded atomic.Uint64 // events handed on
	Refused atomic.Uint64 // events and whole messages refused

	Published  atomic.Uint64 // messages acknowledged, duplicates included
	Duplicates atomic.Uint64 // of those, the ones that the stream had already
	Retried    atomic.Uint64 // messages sent again for want of an acknowledgement
	Failed     atomic.Uint64 // messages given up

	DeadLetters atomic.Uint64 // handed to the dead-letter stream
}
