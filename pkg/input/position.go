package input

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Position is a point in a partition's stream: what a checkpoint holds beside the state,
// so that state and stream cannot be taken from two different worlds. With Sequence 0
// it means the beginning, wherever that is.
type Position struct {
	Partition  int
	Partitions int       // P; 0 is DefaultPartitions
	Created    time.Time // of the stream; zero is any
	Sequence   uint64    // the last message that was read
	Stored     time.Time // when the broker stored that message; zero is any
}

// What can be wrong with a position.
const (
	ReasonGap        = "gap"        // messages that were not read are gone
	ReasonRecreated  = "recreated"  // the stream is another one of the same name
	ReasonTruncated  = "truncated"  // the stream ends before the position
	ReasonMissing    = "missing"    // there is no such stream
	ReasonPartitions = "partitions" // the stream was made for another P
)

// PositionError says that a stream does not continue where the position ends, so that
// going on would make the numbers wrong.
type PositionError struct {
	Stream   string
	Position uint64 // the last sequence that was read
	Reason   string // one of the reasons above
	Detail   string
	// Resume is the position from which reading is possible if the loss is accepted;
	// its Sequence is 0 where that is the beginning.
	Resume Position
}

var remedies = map[string]string{
	ReasonGap:        "rebuild the partition from the start of its stream (deskpulse rebuild), or go on without them (--accept-gap)",
	ReasonRecreated:  "discard the checkpoint and rebuild (deskpulse rebuild), or restore the stream from its backup",
	ReasonTruncated:  "restore the stream from its backup, or discard the checkpoint and rebuild (deskpulse rebuild)",
	ReasonMissing:    "create the streams with deskpulse run or deskpulse worker, or check the NATS account and the URL",
	ReasonPartitions: "start with the number of partitions that the stream was made with",
}

func (e *PositionError) Error() string {
	return fmt.Sprintf("stream %s at %d: %s: %s", e.Stream, e.Position, e.Detail, remedies[e.Reason])
}

// check compares the position with the stream as it is now.
func (p Position) check(info *jetstream.StreamInfo) error {
	fail := func(reason string, resume uint64, format string, args ...any) error {
		return &PositionError{
			Stream: info.Config.Name, Position: p.Sequence, Reason: reason, Detail: fmt.Sprintf(format, args...),
			Resume: Position{Partition: p.Partition, Partitions: p.Partitions, Created: info.Created, Sequence: resume},
		}
	}
	first, last := info.State.FirstSeq, info.State.LastSeq
	switch have := info.Config.Metadata[partitionsEntry]; {
	case have != fmt.Sprint(p.Partitions):
		return fail(ReasonPartitions, 0, "the stream was made for %q partitions, not %d", have, p.Partitions)
	case !p.Created.IsZero() && !p.Created.Equal(info.Created):
		return fail(ReasonRecreated, 0, "the stream was created %s, the position belongs to one of %s",
			info.Created.UTC().Format(time.RFC3339Nano), p.Created.UTC().Format(time.RFC3339Nano))
	case p.Sequence == 0:
		return nil
	case last < p.Sequence:
		return fail(ReasonTruncated, last, "the stream ends at %d", last)
	case first > p.Sequence+1:
		return fail(ReasonGap, first-1, "messages %d to %d are gone", p.Sequence+1, first-1)
	}
	return nil
}

// checkStored compares the last message read with the one that the stream holds at its
// place: after a loss of power, other messages may have taken the lost ones' sequences.
func (p Position) checkStored(info *jetstream.StreamInfo, stored time.Time) error {
	if p.Stored.IsZero() || p.Stored.Equal(stored) {
		return nil
	}
	return &PositionError{
		Stream: info.Config.Name, Position: p.Sequence, Reason: ReasonRecreated,
		Detail: fmt.Sprintf("the message there was stored %s, the one that was read %s",
			stored.UTC().Format(time.RFC3339Nano), p.Stored.UTC().Format(time.RFC3339Nano)),
		Resume: Position{Partition: p.Partition, Partitions: p.Partitions, Created: info.Created},
	}
}
