package kpi

import "github.com/deskpulse/deskpulse/pkg/window"

// Reading is one KPI in one window for one group, still additive: Terms holds a total
// for each measure of its Definition, in order. Readings of several partitions are
// merged term by term, and Definition.Evaluate is applied last.
type Reading struct {
	Tenant string
	KPI    string
	Window string // "7d"; empty for a stock
	Group  Group
	Terms  []window.Vector
}

// Value is what Evaluate makes of a Reading. Durations are in seconds, ratios 0–1.
type Value struct {
	// Value is nil where there is none: a ratio over nothing, a mean of no samples.
	Value *float64
	// Of a ratio.
	Numerator, Denominator int64
	// Of a distribution: the number of samples and its quantiles.
	Count     int64
	Quantiles map[string]float64
}

// ReadingSet is what one partition knows at one instant: the unit that workers publish
// and that boards merge.
type ReadingSet struct {
	Partition, Partitions uint16
	Epoch                 uint64 // rises with each change of owner
	Position              uint64 // stream sequence up to which events are counted
	At                    int64  // Unix seconds; what happened at t < At is counted
	Newest                int64  // Unix milliseconds at which the broker stored the newest event counted
	Full                  bool   // all readings of the partition, or only those changed
	Readings              []Reading
}
