// Package sla says how long a request may take and which part of time counts: targets
// and calendars. It reads no clock; instants are Unix milliseconds, durations
// milliseconds.
package sla

import (
	"fmt"
	"strings"
	"time"
)

// Policy gives each priority the running time within which a request must be resolved.
// The zero Policy has no targets, so that nothing falls due by itself.
type Policy struct {
	// Targets by priority, in lower case.
	Targets map[string]time.Duration
	// Default is for requests without a priority or with one that Targets lacks; 0 is none.
	Default time.Duration
	// Calendar says when the clock runs; the zero Calendar is always open.
	Calendar Calendar
}

// Validate refuses targets that are not positive whole milliseconds.
func (p *Policy) Validate() error {
	for priority, d := range p.Targets {
		if d <= 0 || d%time.Millisecond != 0 {
			return fmt.Errorf("target of priority %q is %s: give a positive duration, as in 8h", priority, d)
		}
		if priority != strings.ToLower(priority) {
			return fmt.Errorf("target of priority %q: write the priority in lower case", priority)
		}
	}
	if p.Default < 0 {
		return fmt.Errorf("default target is %s: give a positive duration, or 0 for none", p.Default)
	}
	if p.Default%time.Millisecond != 0 {
		return fmt.Errorf("default target is %s: give whole milliseconds", p.Default)
	}
	return nil
}

// Resolution returns the target of a priority in milliseconds of running time. ok is
// false where there is none.
func (p *Policy) Resolution(priority string) (ms int64, ok bool) {
	d, found := p.Targets[strings.ToLower(priority)]
	if !found {
		d = p.Default
	}
	return d.Milliseconds(), d > 0
}

// Calendar says which part of time counts. The zero Calendar is open day and night.
type Calendar struct{}

// Elapsed is the open time within from ≤ t < to.
func (Calendar) Elapsed(from, to int64) int64 { return max(0, to-from) }

// After is the first instant at which the open time since from has reached open.
func (Calendar) After(from, open int64) int64 { return from + open }
