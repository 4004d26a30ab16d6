package window

import (
	"math"
	"sort"
)

// Histograms have the exponential buckets of Prometheus native histograms, schema 5, in
// seconds: bucket i covers 2^((i−1)/32) < x ≤ 2^(i/32). In a Vector, slot 0 is the sum
// in milliseconds, slot 1 counts what is below a millisecond, and slot i+slotOffset
// counts bucket i.
const (
	Schema     = 5
	perOctave  = 1 << Schema
	slotOffset = 320
	zeroSlot   = 1
	// HistogramSlots is one more than the largest slot of a histogram of times up to 2106.
	HistogramSlots = 1408
)

// octave holds the upper bounds of the buckets of one octave, 0.5 < x ≤ 1.
var octave = func() (b [perOctave]float64) {
	for i := range b {
		b[i] = math.Exp2(float64(i+1)/perOctave - 1)
	}
	return b
}()

// HistogramSlot returns the slot that counts a sample of ms milliseconds. A negative
// sample counts as 0.
func HistogramSlot(ms int64) uint16 {
	if ms < 1 {
		return zeroSlot
	}
	frac, exp := math.Frexp(float64(ms) / 1000)
	if frac == 0.5 { // a power of two is the upper bound of the octave below
		frac, exp = 1, exp-1
	}
	i := sort.SearchFloat64s(octave[:], frac)
	return uint16((exp-1)*perOctave + i + 1 + slotOffset)
}

// HistogramBucket is the inverse of HistogramSlot: the bucket's index in the sense of
// Prometheus. zero is true for the bucket of what is below a millisecond.
func HistogramBucket(slot uint16) (index int, zero bool) {
	return int(slot) - slotOffset, slot == zeroSlot
}

// HistogramUpper returns the upper bound, in seconds, of the bucket that slot counts.
func HistogramUpper(slot uint16) float64 {
	if slot == zeroSlot {
		return 0.001
	}
	return math.Exp2(float64(int(slot)-slotOffset) / perOctave)
}

// Count returns the number of samples of a histogram.
func (v Vector) Count() (n int64) {
	for _, e := range v {
		if e.Slot != 0 {
			n += e.Value
		}
	}
	return n
}

// Quantile returns the nearest-rank quantile of a histogram in seconds, at the
// geometric middle of its bucket: within 1.1 % of the sample. q is in 0 … 1. ok is false
// where there are no samples.
func (v Vector) Quantile(q float64) (seconds float64, ok bool) {
	n := v.Count()
	if n <= 0 {
		return 0, false
	}
	rank := max(1, int64(math.Ceil(q*float64(n))))
	for _, e := range v {
		if e.Slot == 0 {
			continue
		}
		if rank -= e.Value; rank <= 0 {
			if e.Slot == zeroSlot {
				return 0, true
			}
			return math.Exp2((float64(int(e.Slot)-slotOffset) - 0.5) / perOctave), true
		}
	}
	return 0, false
}
