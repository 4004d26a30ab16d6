package input

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// RulesBucket holds what is applied to events beside their contents, outside the streams.
const RulesBucket = "DESK_RULES"

// policiesEntry is its one entry, for all partitions.
const policiesEntry = "policies"

// ErrOverwritten is a record that somebody else has stored since it was loaded.
var ErrOverwritten = errors.New("another worker has stored it meanwhile: load it again")

// Applied keeps, as bytes, a record of the rules by which the events of the streams have
// been read, so that a later start can tell whether it would read them otherwise. It
// belongs to one goroutine.
type Applied struct {
	bucket   jetstream.KeyValue
	created  time.Time // of the streams
	revision uint64    // of the record loaded or stored last; 0 where there is none
}

// OpenApplied returns the record of a topology that Ensure has made.
func OpenApplied(ctx context.Context, js jetstream.JetStream) (*Applied, error) {
	bucket, err := js.KeyValue(ctx, RulesBucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", RulesBucket, err)
	}
	stream, err := js.Stream(ctx, StreamName(0))
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", StreamName(0), err)
	}
	return &Applied{bucket: bucket, created: stream.CachedInfo().Created}, nil
}

// Load returns the record, nil where there is none. One that is older than the streams is
// about others, which have been removed.
func (a *Applied) Load(ctx context.Context) ([]byte, error) {
	entry, err := a.bucket.Get(ctx, policiesEntry)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		a.revision = 0
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s, entry %s: %w", RulesBucket, policiesEntry, err)
	}
	a.revision = entry.Revision()
	if entry.Created().Before(a.created) {
		return nil, nil
	}
	return entry.Value(), nil
}

// Store puts a record in the place of the one loaded or stored last. ErrOverwritten says
// that it is no longer there.
func (a *Applied) Store(ctx context.Context, record []byte) error {
	revision, err := a.put(ctx, record)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) || errors.Is(err, jetstream.ErrKeyExists) {
		err = ErrOverwritten
	}
	if err != nil {
		return fmt.Errorf("bucket %s, entry %s: %w", RulesBucket, policiesEntry, err)
	}
	a.revision = revision
	return nil
}

func (a *Applied) put(ctx context.Context, record []byte) (revision uint64, err error) {
	if a.revision == 0 {
		return a.bucket.Create(ctx, policiesEntry, record) // also where it has been deleted
	}
	return a.bucket.Update(ctx, policiesEntry, record, a.revision)
}

// rulesBucket describes the bucket of the record.
func (t Topology) rulesBucket() jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:      RulesBucket,
		Description: "deskpulse: the rules by which events have been read",
		History:     1,
		Storage:     jetstream.FileStorage,
		Replicas:    t.Replicas,
	}
}

// ensureBucket creates a bucket that is missing.
func ensureBucket(ctx context.Context, js jetstream.JetStream, want jetstream.KeyValueConfig) error {
	_, err := js.KeyValue(ctx, want.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = js.CreateKeyValue(ctx, want)
		if errors.Is(err, jetstream.ErrBucketExists) { // another process was faster
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", want.Bucket, err)
	}
	return nil
}

// Whole refuses streams that no longer hold all that they once held: reading them from
// their beginning would not give the same numbers again.
func Whole(ctx context.Context, js jetstream.JetStream, partitions int) error {
	for p := range partitions {
		stream, err := js.Stream(ctx, StreamName(p))
		if err != nil {
			return fmt.Errorf("stream %s: %w", StreamName(p), err)
		}
		if first := stream.CachedInfo().State.FirstSeq; first > 1 {
			return fmt.Errorf("stream %s begins at message %d: those before it are gone", StreamName(p), first)
		}
	}
	return nil
}
