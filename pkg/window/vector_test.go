package window

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// naive is a vector as a map: the definition.
type naive map[uint16]int64

func (n naive) vector() Vector {
	var v Vector
	for _, slot := range slices.Sorted(maps.Keys(n)) {
		if n[slot] != 0 {
			v = append(v, Entry{slot, n[slot]})
		}
	}
	return v
}

// random returns a generator whose seed the test prints when it fails.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

func TestVectorIsASum(t *testing.T) {
	r := random(t)
	for range 200 {
		var a, b Vector
		inA, inB := naive{}, naive{}
		for range r.IntN(40) {
			slot, value := uint16(r.IntN(12)), int64(r.IntN(5)-2)
			if r.IntN(2) == 0 {
				a.Add(slot, value)
				inA[slot] += value
			} else {
				b.Add(slot, value)
				inB[slot] += value
			}
		}
		check(t, "a", a, inA)
		check(t, "b", b, inB)
		keep := a.Clone()
		a.Merge(b)
		for slot, value := range inB {
			inA[slot] += value
		}
		check(t, "a+b", a, inA)
		for slot := range uint16(13) {
			if a.At(slot) != inA[slot] {
				t.Fatalf("at %d there is %d, want %d", slot, a.At(slot), inA[slot])
			}
		}
		a.Sub(b)
		if !slices.Equal(a, keep) {
			t.Fatalf("a+b−b is %v, want %v", a, keep)
		}
		b.Sub(b.Clone())
		if len(b) != 0 {
			t.Fatalf("b−b is %v", b)
		}
	}
}

func check(t *testing.T, what string, got Vector, want naive) {
	t.Helper()
	if !slices.Equal(got, want.vector()) {
		t.Fatalf("%s is %v, want %v", what, got, want.vector())
	}
}
