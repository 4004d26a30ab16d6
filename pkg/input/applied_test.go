package input

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func openApplied(t *testing.T, js jetstream.JetStream) *Applied {
	t.Helper()
	a, err := OpenApplied(testContext(t), js)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func loads(t *testing.T, a *Applied, want string) {
	t.Helper()
	got, err := a.Load(testContext(t))
	if err != nil || string(got) != want {
		t.Errorf("loaded %q and %v, want %q", got, err, want)
	}
}

// The record lives through restarts of the server, and nobody's is lost to a worker that
// has not seen it.
func TestAppliedIsKept(t *testing.T) {
	b, _, js := startTopology(t, 2)
	ctx := testContext(t)
	one, other := openApplied(t, js), openApplied(t, js)
	loads(t, one, "")
	loads(t, other, "")
	for _, record := range []string{"a", "b"} {
		if err := one.Store(ctx, []byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Store(ctx, []byte("c")); !errors.Is(err, ErrOverwritten) {
		t.Errorf("got %v", err)
	}
	b.stop()
	b.start()
	_, js = b.connect()
	other = openApplied(t, js)
	loads(t, other, "b")
	if err := other.Store(testContext(t), []byte("c")); err != nil {
		t.Error(err)
	}
	loads(t, other, "c")
}

// Who removes the streams begins anew: what was applied to the old ones says nothing.
func TestAppliedGoesWithTheStreams(t *testing.T) {
	_, _, js := startTopology(t, 2)
	ctx := testContext(t)
	if err := openApplied(t, js).Store(ctx, []byte("a")); err != nil {
		t.Fatal(err)
	}
	for p := range 2 {
		if err := js.DeleteStream(ctx, StreamName(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Ensure(ctx, js, Topology{Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	a := openApplied(t, js)
	loads(t, a, "")
	if err := a.Store(ctx, []byte("b")); err != nil {
		t.Error(err)
	}
	loads(t, openApplied(t, js), "b")
}

// Who deletes the record wants it written anew.
func TestAppliedIsStoredAfterItsDeletion(t *testing.T) {
	_, _, js := startTopology(t, 2)
	ctx := testContext(t)
	a := openApplied(t, js)
	if err := a.Store(ctx, []byte("a")); err != nil {
		t.Fatal(err)
	}
	bucket, err := js.KeyValue(ctx, RulesBucket)
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Delete(ctx, policiesEntry); err != nil {
		t.Fatal(err)
	}
	if err := a.Store(ctx, []byte("b")); !errors.Is(err, ErrOverwritten) {
		t.Errorf("got %v", err)
	}
	loads(t, a, "")
	if err := a.Store(ctx, []byte("b")); err != nil {
		t.Error(err)
	}
	loads(t, openApplied(t, js), "b")
}

func TestWholeRefusesWhatHasBeenTrimmed(t *testing.T) {
	b := startBroker(t, 2, nil)
	_, js := b.connect()
	ctx := testContext(t)
	if err := Ensure(ctx, js, Topology{Partitions: 2, MaxBytes: 2000}); err != nil {
		t.Fatal(err)
	}
	publishRaw(t, js, 1, 0, 3)
	if err := Whole(ctx, js, 2); err != nil {
		t.Error(err)
	}
	publishRaw(t, js, 1, 3, 200) // more than 2000 bytes
	if err := Whole(ctx, js, 2); err == nil || !strings.Contains(err.Error(), "DESK_1 begins at message") {
		t.Errorf("got %v", err)
	}
}
