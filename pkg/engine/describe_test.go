package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// describe prints readings in the order of their keys, leaving out those that are empty:
// a group that has met an event whose contributions were all taken back reads as empty.
func describe(readings map[string]kpi.Reading) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(readings)) {
		r := readings[k]
		empty := true
		for _, term := range r.Terms {
			empty = empty && len(term) == 0
		}
		if !empty {
			fmt.Fprintf(&b, "%s: %v\n", k, r.Terms)
		}
	}
	return b.String()
}
