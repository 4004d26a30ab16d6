package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/sla"
)

// Policy gives the requests that meet its condition their targets.
type Policy struct {
	Name string `yaml:"name"`
	// When is a condition in CEL over tenant, type, the dimensions of requests, priority and
	// labels["…"]; empty is met by all.
	When string `yaml:"when"`
	// ValidFrom is when this version of the policy begins: a date, at whose midnight in the
	// zone of the calendar, or an instant as in 2026-07-01T08:00:00+02:00. Empty is since ever.
	ValidFrom string `yaml:"valid_from"`
	// Calendar of the targets that name none; empty is day and night.
	Calendar string `yaml:"calendar"`
	// FirstResponse, NextResponse and Resolution may be left out: then there is no target.
	FirstResponse Goal `yaml:"first_response"`
	NextResponse  Goal `yaml:"next_response"`
	Resolution    Goal `yaml:"resolution"`
}

// Goal is how long something may take.
type Goal struct {
	// Targets by priority, as in 8h or 90m; letter case does not matter.
	Targets map[string]string `yaml:"targets"`
	// Default is for any other priority, and for none; empty is no target.
	Default string `yaml:"default"`
	// Hours are business, those of the calendar, or calendar: day and night. Empty is business.
	Hours string `yaml:"hours"`
	// Calendar in place of the policy's.
	Calendar string `yaml:"calendar"`
}

// SLA is the policy of requests that meet no other.
type SLA struct {
	// Resolution is the time until a request must be resolved, by priority, as in 8h or 90m;
	// letter case does not matter. The clock pauses while the request waits. Nil is the
	// default targets; a file's replace them as a whole.
	Resolution map[string]string `yaml:"resolution"`
	// Default is for requests of any other priority, or none; empty is no target.
	Default string `yaml:"default"`
	// Calendar in which the clock runs; empty is day and night.
	Calendar string `yaml:"calendar"`
}

// lastPolicy is the name of the policy that sla makes.
const lastPolicy = "default"

var defaultTargets = map[string]string{"urgent": "4h", "high": "8h", "normal": "72h", "low": "120h"}

// attributes is what the conditions of policies may read, beside priority and labels: what
// requests have themselves.
func attributes() []string {
	out := []string{"tenant", "type"}
	for d := kpi.Team; d <= kpi.Novelty; d++ {
		if d != kpi.Priority {
			out = append(out, d.String())
		}
	}
	return out
}

func (c *Config) policies() (*sla.Policies, error) {
	calendars, err := c.calendars()
	if err != nil {
		return nil, err
	}
	var list []sla.Policy
	for i := range c.Policies {
		p, err := c.policy(fmt.Sprintf("policies[%d]", i), &c.Policies[i], calendars)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	last, err := c.last(calendars)
	if err != nil {
		return nil, err
	}
	policies, err := sla.NewPolicies(append(list, last), attributes())
	var where *sla.PolicyError
	if errors.As(err, &where) {
		return nil, &process.FieldError{Path: fmt.Sprintf("policies[%d].%s", where.Index, where.Field), Problem: where.Problem, Remedy: where.Remedy}
	}
	return policies, err
}

func (c *Config) policy(path string, read *Policy, calendars map[string]calendar) (out sla.Policy, err error) {
	out.Name, out.When = read.Name, read.When
	if read.Name == lastPolicy {
		return out, &process.FieldError{Path: path + ".name", Problem: fmt.Sprintf("%q is the name of the policy that sla makes", lastPolicy), Remedy: "give it another name"}
	}
	usual, err := named(path+".calendar", read.Calendar, calendars)
	if err != nil {
		return out, err
	}
	if usual.zone == nil {
		if usual.zone, err = sla.ParseZone(c.Periods.Zone); err != nil {
			return out, wrong("periods.zone", err)
		}
	}
	if out.ValidFrom, err = instant(read.ValidFrom, usual.zone); err != nil {
		return out, wrong(path+".valid_from", err)
	}
	for _, g := range []struct {
		name string
		from *Goal
		to   *sla.Goal
	}{
		{"first_response", &read.FirstResponse, &out.FirstResponse},
		{"next_response", &read.NextResponse, &out.NextResponse},
		{"resolution", &read.Resolution, &out.Resolution},
	} {
		if *g.to, err = g.from.read(path+"."+g.name, usual, calendars); err != nil {
			return out, err
		}
	}
	return out, nil
}

// instant reads a date, at midnight of a zone, or an instant; 0 where there is none.
func instant(text string, zone *time.Location) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return t.UnixMilli(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a date nor an instant: write 2026-07-01 or 2026-07-01T08:00:00+02:00", text)
	}
	return t.UnixMilli(), nil
}

// named finds a calendar; the one without a name is open day and night.
func named(path, name string, calendars map[string]calendar) (calendar, error) {
	if name == "" {
		return calendar{}, nil
	}
	c, found := calendars[name]
	if !found {
		remedy := "add it to calendars"
		if len(calendars) > 0 {
			remedy += ", or use " + strings.Join(slices.Sorted(maps.Keys(calendars)), ", ")
		}
		return c, &process.FieldError{Path: path, Problem: fmt.Sprintf("calendar %q is not among the calendars", name), Remedy: remedy}
	}
	return c, nil
}

func (g *Goal) read(path string, usual calendar, calendars map[string]calendar) (out sla.Goal, err error) {
	switch g.Hours {
	case "", "business":
		if g.Calendar != "" {
			if usual, err = named(path+".calendar", g.Calendar, calendars); err != nil {
				return out, err
			}
		}
		out.Calendar = usual.Calendar
	case "calendar":
		if g.Calendar != "" {
			return out, &process.FieldError{Path: path + ".calendar", Problem: "the hours are those of the day and the night", Remedy: "take away the calendar, or hours: calendar"}
		}
	default:
		return out, &process.FieldError{Path: path + ".hours", Problem: fmt.Sprintf("%q are no hours", g.Hours), Remedy: "write business, for the hours of a calendar, or calendar, for day and night"}
	}
	if out.ByPriority, err = targets(path+".targets", g.Targets); err != nil {
		return out, err
	}
	if g.Default != "" {
		out.Default, err = target(path+".default", g.Default)
	}
	return out, err
}

// last is the policy that sla makes.
func (c *Config) last(calendars map[string]calendar) (p sla.Policy, err error) {
	p.Name = lastPolicy
	usual, err := named("sla.calendar", c.SLA.Calendar, calendars)
	if err != nil {
		return p, err
	}
	p.Resolution.Calendar = usual.Calendar
	given := c.SLA.Resolution
	if given == nil {
		given = defaultTargets
	}
	if p.Resolution.ByPriority, err = targets("sla.resolution", given); err != nil {
		return p, err
	}
	if c.SLA.Default != "" {
		p.Resolution.Default, err = target("sla.default", c.SLA.Default)
	}
	return p, err
}

// targets reads durations by priority.
func targets(path string, given map[string]string) (map[string]time.Duration, error) {
	out := make(map[string]time.Duration)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		path, priority := path+"."+name, strings.ToLower(name)
		if _, known := out[priority]; known {
			return nil, &process.FieldError{Path: path, Problem: fmt.Sprintf("priority %q is given twice", priority), Remedy: "take one away: letter case does not matter"}
		}
		d, err := target(path, given[name])
		if err != nil {
			return nil, err
		}
		out[priority] = d
	}
	return out, nil
}

func target(path, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d%time.Millisecond != 0 {
		return 0, &process.FieldError{Path: path, Problem: fmt.Sprintf("%q is no positive duration in whole milliseconds", text), Remedy: "write it as in 8h, 90m or 72h"}
	}
	return d, nil
}
