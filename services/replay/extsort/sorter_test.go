package extsort

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"sort"
	"testing"
	"time"
)

type record struct{ key, value []byte }

// TestEqualsStableSort compares with the standard library's stable sort, for memory
// limits from one record to all of them.
func TestEqualsStableSort(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, limit := range []int{1, 100, 2_000, 50_000, 1 << 20} {
		dir := t.TempDir()
		s := New(dir, limit)
		want := make([]record, random.IntN(3000))
		for i := range want {
			key := make([]byte, random.IntN(3)) // short: many equal keys
			for j := range key {
				key[j] = byte(random.IntN(4))
			}
			value := binary.AppendUvarint(nil, uint64(i))
			want[i] = record{key, append(value, make([]byte, random.IntN(40))...)}
			if err := s.Add(want[i].key, want[i].value); err != nil {
				t.Fatal(err)
			}
		}
		sort.SliceStable(want, func(i, j int) bool { return bytes.Compare(want[i].key, want[j].key) < 0 })
		for range 2 { // reading twice gives the same
			compare(t, s, want)
		}
		if s.Len() != len(want) {
			t.Errorf("limit %d: Len() = %d, want %d", limit, s.Len(), len(want))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("limit %d: %d files left after Close", limit, len(left))
		}
	}
}

func compare(t *testing.T, s *Sorter, want []record) {
	t.Helper()
	i := 0
	err := s.Each(func(key, value []byte) error {
		if i < len(want) && (!bytes.Equal(key, want[i].key) || !bytes.Equal(value, want[i].value)) {
			t.Fatalf("record %d = %x %x, want %x %x", i, key, value, want[i].key, want[i].value)
		}
		i++
		return nil
	})
	if err != nil || i != len(want) {
		t.Fatalf("Each: %v after %d of %d records", err, i, len(want))
	}
}

func TestEachStopsAtAnError(t *testing.T) {
	s := New(t.TempDir(), 1)
	defer s.Close()
	for i := range 5 {
		if err := s.Add([]byte{byte(i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	stop, calls := errors.New("stop"), 0
	err := s.Each(func(_, _ []byte) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("Each = %v after %d calls, want stop after 1", err, calls)
	}
}

func TestUnwritableFolder(t *testing.T) {
	s := New("/nonexistent", 1)
	if err := errors.Join(s.Add([]byte("a"), nil), s.Add([]byte("b"), nil)); err == nil {
		t.Error("no error for a folder that does not exist")
	}
}

func TestKeysCompareAsValues(t *testing.T) {
	ints := []int64{math.MinInt64, -2, -1, 0, 1, 255, 256, math.MaxInt64}
	floats := []float64{math.Inf(-1), -1e300, -1.5, -1, 0, 1e-9, 1, 1.5, 1e300, math.Inf(1), math.NaN()}
	texts := []string{"", "\x00", "\x00\x00", "\x00a", "a", "a\x00", "a\x00b", "aa", "b"}
	ordered(t, ints, AppendInt)
	ordered(t, floats, AppendFloat)
	ordered(t, texts, AppendString)
}

// ordered checks all pairs, each followed by a second part that points the other way.
func ordered[T any](t *testing.T, values []T, appendTo func([]byte, T) []byte) {
	t.Helper()
	for i, a := range values {
		for j, b := range values {
			ka := AppendInt(appendTo(nil, a), int64(-i))
			kb := AppendInt(appendTo(nil, b), int64(-j))
			if got, want := bytes.Compare(ka, kb), cmp.Compare(i, j); got != want {
				t.Errorf("%v against %v: %d, want %d", a, b, got, want)
			}
		}
	}
}
