package input

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// DefaultPartitions is P where nobody says otherwise.
const DefaultPartitions = 16

// dedupWindow is how long the broker remembers a Nats-Msg-Id. The engine refuses
// duplicates for far longer; this spares it the common ones.
const dedupWindow = 2 * time.Minute

// Topology is the shape of the streams. Partitions is fixed at creation; the rest may be
// changed in the server's own tools afterwards, and Ensure leaves it alone.
type Topology struct {
	Partitions int           // P; 0 is DefaultPartitions
	Replicas   int           // 1 on one machine, 3 in a cluster; 0 is 1
	MaxAge     time.Duration // how long events are kept; 0 is for ever
	MaxBytes   int64         // how many bytes of events a partition keeps; 0 is no limit
}

// withDefaults fills in what was left out.
func (t Topology) withDefaults() (Topology, error) {
	if t.Partitions == 0 {
		t.Partitions = DefaultPartitions
	}
	if t.Partitions < 1 || t.Partitions > 1024 {
		return t, fmt.Errorf("partitions is %d: use 1 to 1024", t.Partitions)
	}
	if t.MaxAge < 0 || t.MaxBytes < 0 {
		return t, fmt.Errorf("max age is %s and max bytes %d: use 0 for no limit", t.MaxAge, t.MaxBytes)
	}
	t.Replicas = max(t.Replicas, 1)
	if t.MaxBytes == 0 {
		t.MaxBytes = -1
	}
	return t, nil
}

// Ensure creates the streams and the bucket that are missing and checks the streams that
// are there. It changes none, and may run in many processes at once.
func Ensure(ctx context.Context, js jetstream.JetStream, t Topology) error {
	t, err := t.withDefaults()
	if err != nil {
		return err
	}
	for p := range t.Partitions {
		if err := ensure(ctx, js, t.partitionStream(p)); err != nil {
			return err
		}
	}
	if err := ensure(ctx, js, t.deadLetterStream()); err != nil {
		return err
	}
	return ensureBucket(ctx, js, t.rulesBucket())
}

// Partitions returns the P of the topology that is there, for those who publish.
func Partitions(ctx context.Context, js jetstream.JetStream) (int, error) {
	stream, err := js.Stream(ctx, StreamName(0))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, fmt.Errorf("stream %s does not exist: start deskpulse run or deskpulse worker once, or check the NATS account", StreamName(0))
	}
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", StreamName(0), err)
	}
	p, err := strconv.Atoi(stream.CachedInfo().Config.Metadata[partitionsEntry])
	if err != nil || p < 1 {
		return 0, fmt.Errorf("stream %s was not made by deskpulse: use another NATS account", StreamName(0))
	}
	return p, nil
}

// partitionStream describes the stream of one partition.
//
// It is not compressed: events are read at once and while they are still in the
// server's cache, and S2 would take its share of the two cores that the engine needs.
// Deleting and purging are denied because a reader cannot tell a hole from a loss; what
// is too old goes by MaxAge, from the front.
func (t Topology) partitionStream(p int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName(p),
		Description: "deskpulse: events of partition " + strconv.Itoa(p),
		Subjects:    []string{Subject(p, "*", "*")},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Replicas:    t.Replicas,
		MaxAge:      t.MaxAge,
		MaxBytes:    t.MaxBytes,
		Duplicates:  window(t.MaxAge),
		Compression: jetstream.NoCompression,
		DenyDelete:  true,
		DenyPurge:   true,
		AllowDirect: true,
		Metadata:    map[string]string{partitionsEntry: strconv.Itoa(t.Partitions)},
	}
}

// deadLetterStream describes the stream of what was refused. It is small and cold, so it
// is compressed; a letter goes when it has been retried. Each has a subject of its own
// and the stream takes one message for each, so that a partition that is read again from
// the start does not refuse everything a second time.
func (t Topology) deadLetterStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        DeadLetterStream,
		Description: "deskpulse: what was refused, with its reason",
		Subjects:    []string{deadLetterPrefix + ">"},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Replicas:    t.Replicas,
		MaxAge:      t.MaxAge,
		Duplicates:  window(t.MaxAge),
		Compression: jetstream.S2Compression,
		Discard:     jetstream.DiscardNew,
		Metadata:    map[string]string{partitionsEntry: strconv.Itoa(t.Partitions)},

		MaxMsgsPerSubject:    1,
		DiscardNewPerSubject: true,
	}
}

// window returns the duplicate window, which the server wants to be within the age.
func window(maxAge time.Duration) time.Duration {
	if maxAge > 0 {
		return min(dedupWindow, maxAge)
	}
	return dedupWindow
}

// ensure creates one stream, or checks the one that is there.
func ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
			stream, err = js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", want.Name, err)
	}
	return checkStream(want, stream.CachedInfo().Config)
}

// checkStream refuses a stream that would give other numbers or lose events silently.
func checkStream(want, have jetstream.StreamConfig) error {
	const remedy = "use another NATS account for this deskpulse, or remove the DESK_ streams to begin anew"
	if p := have.Metadata[partitionsEntry]; p != want.Metadata[partitionsEntry] {
		if p == "" {
			return fmt.Errorf("stream %s was not made by deskpulse: %s", want.Name, remedy)
		}
		return fmt.Errorf("stream %s belongs to %s partitions and %s were asked for: give --partitions %s, or %s",
			want.Name, p, want.Metadata[partitionsEntry], p, remedy)
	}
	if !slices.Equal(have.Subjects, want.Subjects) {
		return fmt.Errorf("stream %s has subjects %q, not %q: %s", want.Name, have.Subjects, want.Subjects, remedy)
	}
	if have.Retention != jetstream.LimitsPolicy {
		return fmt.Errorf("stream %s has retention %s, not limits, and forgets what was read: %s", want.Name, have.Retention, remedy)
	}
	return nil
}
