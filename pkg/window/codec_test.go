package window

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func encoded(t *testing.T) []byte {
	w := newWorld(t)
	for range 20 {
		w.advance()
		for range 10 {
			w.add()
		}
	}
	return w.line.AppendBinary(nil)
}

func TestDecodeIsTheInverse(t *testing.T) {
	for range 50 {
		data := encoded(t)
		l, rest, err := DecodeTimeline(append(slices.Clone(data), "rest"...))
		if err != nil || string(rest) != "rest" {
			t.Fatalf("rest %q, %v", rest, err)
		}
		if !slices.Equal(l.AppendBinary(nil), data) {
			t.Fatal("decoded and encoded again it is another one")
		}
	}
	var empty Timeline
	if l, rest, err := DecodeTimeline(empty.AppendBinary(nil)); err != nil || len(rest) != 0 || len(l.AppendBinary(nil)) != len(empty.AppendBinary(nil)) {
		t.Errorf("the empty timeline is not: %v, %v", l, err)
	}
}

func TestDecodeOfACutIsAnError(t *testing.T) {
	data := encoded(t)
	for n := range data {
		if _, _, err := DecodeTimeline(data[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d of %d bytes gave %v", n, len(data), err)
		}
	}
}

// FuzzDecodeTimeline wants an error or a timeline that can be worked with.
func FuzzDecodeTimeline(f *testing.F) {
	var l Timeline
	h := HorizonsAt(20513 * 86400)
	for _, t := range []int64{20513*86400 - 1, 20512 * 86400, 20400 * 86400, 20520 * 86400} {
		l.Add(h, t, 0, -5)
		l.Add(h, t, 400, 1)
	}
	f.Add(l.AppendBinary(nil))
	f.Add([]byte{})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 2, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		l, _, err := DecodeTimeline(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		l.Collapse(HorizonsAt(20513 * 86400))
		var sum Vector
		l.AddRange(&sum, MinTime, 1<<40, 1)
		encoded := l.AppendBinary(nil)
		again, rest, err := DecodeTimeline(encoded)
		if err != nil || len(rest) != 0 {
			t.Fatalf("what was decoded and encoded cannot be decoded again: rest %d, %v", len(rest), err)
		}
		if !bytes.Equal(again.AppendBinary(nil), encoded) {
			t.Fatal("what was encoded, decoded and encoded again has changed")
		}
	})
}
