package kpi

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// FuzzDecodeWire holds the decoder against proto.Unmarshal and the slow reference, for
// the bytes as they are, as canonical bytes, and twice in a batch.
func FuzzDecodeWire(f *testing.F) {
	for _, b := range seedWires(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ferr := decodeOne(t, Envelope{Tenant: "acme"}, data)
		want, ok := referenceDecode(data, "acme")
		switch {
		case ferr == nil && !ok:
			t.Fatalf("accepted %+v, which the reference refuses", got)
		case ferr == nil:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("decoded differently (-reference +decoder):\n%s", diff)
			}
		case ok && !overwritten(ferr):
			t.Fatalf("refused what the reference accepts: %v", ferr)
		}
		checkCanonical(t, data)
		checkAsBatch(t, data, ferr)
	})
}

// overwritten tells the errors that the decoder, which looks at every occurrence of a
// field, may find in one that a later occurrence replaces.
func overwritten(err *FieldError) bool {
	return err.Reason == ReasonText || err.Reason == ReasonUnknown || err.Reason == ReasonRange && err.Field == "cost.purposes"
}

// checkCanonical has no such latitude: where each field occurs once, the two agree.
func checkCanonical(t *testing.T, data []byte) {
	var m deskpulsev1.Event
	if proto.Unmarshal(data, &m) != nil {
		return
	}
	canonical, err := proto.MarshalOptions{Deterministic: true}.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	got, ferr := decodeOne(t, Envelope{Tenant: "acme"}, canonical)
	want, ok := referenceDecode(canonical, "acme")
	if ok != (ferr == nil) {
		t.Fatalf("canonical: reference accepts: %v; decoder says: %v", ok, ferr)
	}
	if diff := cmp.Diff(want, got); ok && diff != "" {
		t.Fatalf("canonical: decoded differently (-reference +decoder):\n%s", diff)
	}
}

func checkAsBatch(t *testing.T, data []byte, single *FieldError) {
	var batch []byte
	for range 2 {
		batch = protowire.AppendTag(batch, 1, protowire.BytesType)
		batch = protowire.AppendBytes(batch, data)
	}
	var d Decoder
	n := 0
	d.Decode(Envelope{Tenant: "acme", Kind: KindBatch}, batch, func(_ *Event, raw []byte, err error) {
		if (err == nil) != (single == nil) || string(raw) != string(data) {
			t.Fatalf("in a batch: %v; alone: %v", err, single)
		}
		n++
	})
	if n != 2 {
		t.Fatalf("a batch of 2 gave %d calls", n)
	}
}

// decodeOne decodes one event and returns a copy of it.
func decodeOne(t testing.TB, env Envelope, data []byte) (got *Event, ferr *FieldError) {
	t.Helper()
	var d Decoder
	calls := 0
	d.Decode(env, data, func(ev *Event, raw []byte, err error) {
		calls++
		if string(raw) != string(data) {
			t.Fatalf("raw is %q", raw)
		}
		if err != nil {
			if !errors.As(err, &ferr) || ferr.Field == "" || ferr.Remedy == "" || reasonPhrases[ferr.Reason] == "" {
				t.Fatalf("error %#v lacks a field, a reason of the set, or a remedy", err)
			}
			return
		}
		copied := *ev
		got = &copied
	})
	if calls != 1 {
		t.Fatalf("one event gave %d calls", calls)
	}
	return got, ferr
}

// seedWires holds every event of the docs in protobuf, and odd forms of the first.
func seedWires(t testing.TB) [][]byte {
	var wires [][]byte
	for _, text := range docEvents(t) {
		m, err := ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		wire, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		wires = append(wires, wire)
	}
	first, second := wires[0], wires[len(wires)-1]
	return append(wires,
		append(append([]byte{}, first...), first...),  // every field twice, bodies merged
		append(append([]byte{}, first...), second...), // one body replaced by another
		append([]byte{0xf8, 0x7f, 0x01, 0x0b, 0x0c}, first...),
		first[:len(first)-1],
	)
}
