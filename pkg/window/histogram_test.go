package window

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Bucket i covers 2^((i−1)/32) < x ≤ 2^(i/32) seconds: every value is in its bucket.
func TestEveryValueIsInItsBucket(t *testing.T) {
	values := []int64{1, 2, 999, 1000, 1001, 2000, 4000, 1024_000, 10_000_000, 400 * 86400 * 1000}
	for ms := int64(1); ms <= 10_000_000; ms += 1 + ms/512 {
		values = append(values, ms)
	}
	for _, ms := range values {
		i, zero := HistogramBucket(HistogramSlot(ms))
		if zero {
			t.Fatalf("%d ms is in the bucket of nothing", ms)
		}
		x := float64(ms) / 1000
		if lower, upper := math.Pow(2, float64(i-1)/32), math.Pow(2, float64(i)/32); x <= lower || x > upper {
			t.Errorf("%d ms is in bucket %d, which covers %g < x ≤ %g", ms, i, lower, upper)
		}
		if upper := HistogramUpper(HistogramSlot(ms)); math.Abs(upper/math.Pow(2, float64(i)/32)-1) > 1e-12 {
			t.Errorf("bucket %d ends at %g", i, upper)
		}
	}
}

// Whole powers of two are bounds that floats hold exactly: 1 s is in bucket 0, 2 s in 32.
func TestBoundsBelongToTheBucketBelow(t *testing.T) {
	for ms, want := range map[int64]int{1000: 0, 1001: 1, 2000: 32, 2001: 33, 500: -32, 501: -31, 250: -64, 4000: 64} {
		if i, zero := HistogramBucket(HistogramSlot(ms)); i != want || zero {
			t.Errorf("%d ms is in bucket %d, want %d", ms, i, want)
		}
	}
}

func TestNothingIsInTheZeroBucket(t *testing.T) {
	for _, ms := range []int64{0, -1, math.MinInt64} {
		slot := HistogramSlot(ms)
		if _, zero := HistogramBucket(slot); !zero || HistogramUpper(slot) != 0.001 {
			t.Errorf("%d ms is in slot %d, up to %g s", ms, slot, HistogramUpper(slot))
		}
	}
}

// A quantile is the nearest rank of the sorted samples, within 1.1 %.
func TestQuantiles(t *testing.T) {
	r := random(t)
	for range 50 {
		samples := make([]int64, 1+r.IntN(500))
		var v Vector
		for i := range samples {
			samples[i] = sample(r)
			v.Add(0, samples[i]) // the sum is no sample
			v.Add(HistogramSlot(samples[i]), 1)
		}
		slices.Sort(samples)
		if v.Count() != int64(len(samples)) {
			t.Fatalf("%d samples are counted as %d", len(samples), v.Count())
		}
		for _, percent := range []int{0, 1, 10, 50, 90, 95, 99, 100} {
			rank := max(1, (percent*len(samples)+99)/100)
			want := float64(samples[rank-1]) / 1000
			got, ok := v.Quantile(float64(percent) / 100)
			if !ok || math.Abs(got-want) > 0.011*want {
				t.Fatalf("%d %% of %d samples is %g, want %g", percent, len(samples), got, want)
			}
		}
	}
}

// sample is a time from nothing to months, in milliseconds.
func sample(r *rand.Rand) int64 {
	if r.IntN(10) == 0 {
		return 0
	}
	return int64(math.Exp(r.Float64() * 22))
}

func TestQuantileOfNothing(t *testing.T) {
	for _, v := range []Vector{nil, {{0, 5}}} {
		if q, ok := v.Quantile(0.5); ok {
			t.Errorf("%v has a median: %g", v, q)
		}
	}
	if q, ok := (Vector{{zeroSlot, 3}}).Quantile(0.5); !ok || q != 0 {
		t.Errorf("the median of three zeros is %g, %t", q, ok)
	}
}
