package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// dice is where all randomness comes from.
type dice struct{ *rand.Rand }

func newDice(seed, stream uint64) dice { return dice{rand.New(rand.NewPCG(seed, stream))} }

func (d dice) chance(p float64) bool { return d.Float64() < p }

// about draws a duration around a median, in milliseconds, skewed to the right as the
// durations of human work are.
func (d dice) about(median time.Duration, spread float64) int64 {
	return int64(float64(median.Milliseconds()) * math.Exp(spread*d.NormFloat64()))
}

// table draws one of several by weight.
type table struct {
	names []string
	upTo  []float64 // cumulative share
}

func newTable(choices []choice) table {
	var t table
	sum := 0.0
	for _, c := range choices {
		sum += c.weight
	}
	reached := 0.0
	for _, c := range choices {
		reached += c.weight / sum
		t.names = append(t.names, c.name)
		t.upTo = append(t.upTo, reached)
	}
	return t
}

func (t *table) draw(d dice) uint8 {
	x := d.Float64()
	for i, limit := range t.upTo {
		if x < limit {
			return uint8(i)
		}
	}
	return uint8(len(t.upTo) - 1) // the shares' sum is below 1 by rounding
}
