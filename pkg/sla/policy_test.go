package sla

import (
	"strings"
	"testing"
	"time"
)

func TestResolution(t *testing.T) {
	p := Policy{Targets: map[string]time.Duration{"high": 8 * time.Hour, "p1": time.Millisecond}, Default: 72 * time.Hour}
	for priority, want := range map[string]time.Duration{
		"high": 8 * time.Hour, "HIGH": 8 * time.Hour, "High": 8 * time.Hour, "P1": time.Millisecond, "low": 72 * time.Hour, "": 72 * time.Hour,
	} {
		if ms, ok := p.Resolution(priority); !ok || ms != want.Milliseconds() {
			t.Errorf("%q: %d ms, %t; want %s", priority, ms, ok, want)
		}
	}
}

func TestResolutionWithoutTargets(t *testing.T) {
	var none Policy
	if _, ok := none.Resolution("high"); ok {
		t.Error("the zero policy has a target")
	}
	some := Policy{Targets: map[string]time.Duration{"high": time.Hour}}
	if _, ok := some.Resolution("low"); ok {
		t.Error("a priority that has no target got one")
	}
	if ms, ok := some.Resolution("high"); !ok || ms != 3600_000 {
		t.Errorf("high: %d, %t", ms, ok)
	}
}

func TestValidate(t *testing.T) {
	of := func(priority string, d time.Duration) Policy {
		return Policy{Targets: map[string]time.Duration{priority: d}}
	}
	for name, c := range map[string]struct {
		policy Policy
		want   string
	}{
		"zero":        {of("high", 0), `target of priority "high" is 0s: give a positive duration`},
		"negative":    {of("high", -time.Hour), `target of priority "high" is -1h0m0s: give a positive duration`},
		"too fine":    {of("high", 1500*time.Microsecond), `target of priority "high" is 1.5ms: give a positive duration`},
		"letter case": {of("High", time.Hour), `target of priority "High": write the priority in lower case`},
		"default":     {Policy{Default: -1}, "default target is -1ns: give a positive duration, or 0 for none"},
		"fine":        {Policy{Default: 1500 * time.Microsecond}, "default target is 1.5ms: give whole milliseconds"},
	} {
		if err := c.policy.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	usual := of("high", 8*time.Hour)
	for _, p := range []*Policy{{}, &usual} {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// In the zero calendar time always counts: After is the inverse of Elapsed.
func TestCalendarThatIsAlwaysOpen(t *testing.T) {
	var c Calendar
	const monday = 20514 * 86400_000
	for _, open := range []int64{0, 1, 3600_000, 400 * 86400_000} {
		to := c.After(monday, open)
		if to != monday+open || c.Elapsed(monday, to) != open {
			t.Errorf("%d ms after Monday is %d, with %d ms between", open, to, c.Elapsed(monday, to))
		}
	}
	if n := c.Elapsed(monday, monday-1); n != 0 {
		t.Errorf("backwards %d ms elapse", n)
	}
}
