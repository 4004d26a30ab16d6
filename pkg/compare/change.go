package compare

import "math"

// Change is how a value has changed.
type Change struct {
	// By is a share of the former value (0.1 is 10 % more), or percentage points (−2.5).
	By float64 `json:"by"`
	// In is "relative" or "percentage_points".
	In string `json:"in"`
}

// The values of Change.In.
const (
	Relative         = "relative"
	PercentagePoints = "percentage_points"
)

// Of returns the change from before to now. Ratios, by the unit of their KPI, change by
// percentage points, all else relative to the size of the former value. There is none
// where either has no value, and none relative to 0.
func Of(unit string, now, before *float64) *Change {
	switch {
	case now == nil || before == nil:
		return nil
	case unit == "ratio":
		return &Change{100 * (*now - *before), PercentagePoints}
	case *before == 0:
		return nil
	default:
		return &Change{(*now - *before) / math.Abs(*before), Relative}
	}
}
