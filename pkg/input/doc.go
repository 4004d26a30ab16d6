// Package input is the only way in: the streams, what they hold, and how it is read,
// refused and written.
//
// In come messages of NATS JetStream. One stream per partition, DESK_0 … DESK_P−1, is
// created or checked by Ensure and read by one Reader: in order, without gaps and
// without duplicates, from a Position on, through reconnects, restarts of the server
// and changes of a stream's leader. A Decoder makes kpi.Events of its messages and
// refuses those of another partition; DeadLetters keeps what was refused, with its
// reason and its original bytes. A Publisher is the same path in the other direction.
// Applied keeps, beside the streams, by which rules they have been read.
//
// The only state is in memory and small: up to two buffers of 4 MiB per Reader, and
// the unacknowledged messages of a Publisher or of DeadLetters. It is rebuilt by reading
// again from the Position that the caller keeps.
//
// A Reader and a Decoder belong to one goroutine, that of the partition. A Publisher and
// DeadLetters may be shared. What heals by itself (a broken connection, a server that
// restarts) is logged and retried for ever; what would make the numbers wrong (a gap, a
// stream that is not the one of the Position) ends the Reader with a *PositionError that
// names the remedy.
package input
