package sla

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Always is the ValidFrom of targets that hold since ever.
const Always = math.MinInt64

// Policy gives the requests that meet a condition their targets. Of policies of the same
// name, which are versions of one, the latest that is valid at an instant holds then.
type Policy struct {
	Name      string
	ValidFrom int64  // Unix ms; 0 is since ever
	When      string // a condition in CEL over the attributes of a request; "" is met by all
	// How long may pass until the first reply, until each next one, and until the request
	// is resolved.
	FirstResponse, NextResponse, Resolution Goal
}

func (p *Policy) validFrom() int64 {
	if p.ValidFrom == 0 {
		return Always
	}
	return p.ValidFrom
}

// Goal is how long something may take. The zero Goal has no target.
type Goal struct {
	ByPriority map[string]time.Duration // by priority, in lower case
	Default    time.Duration            // for any other priority, and for none; 0 is no target
	Calendar   *Calendar                // when the clock runs; nil is day and night
}

// Clock is the target of one request. Without a target the calendar still says which time
// has run when the request gets one.
type Clock struct {
	Target   int64 // ms of open time; 0 is none
	Calendar *Calendar
}

// Targets is what a policy gives a request from an instant on.
type Targets struct {
	ValidFrom                               int64  // Unix ms
	Policy                                  string // "" where no policy meets the request
	FirstResponse, NextResponse, Resolution Clock
}

// PolicyError is a mistake in the policy with an index.
type PolicyError struct {
	Index           int
	Field           string // as in "when" or "resolution.targets.high"
	Problem, Remedy string
}

func (e *PolicyError) Error() string {
	return fmt.Sprintf("policy %d: %s: %s: %s", e.Index+1, e.Field, e.Problem, e.Remedy)
}

// Policies is an ordered list, of which the first that a request meets holds. A nil one,
// and the zero one, have no targets.
type Policies struct {
	rules  []rule
	starts []int64 // the instants from which another policy may hold, ascending from Always
	reads  []string
}

type rule struct {
	Policy
	until int64 // when the next version of the same name begins
	when  *condition
}

// NewPolicies checks the policies. attributes names what conditions may read, beside
// priority and labels.
func NewPolicies(policies []Policy, attributes []string) (*Policies, error) {
	lang, err := newLanguage(attributes)
	if err != nil {
		return nil, err
	}
	p := &Policies{starts: []int64{Always}}
	for i := range policies {
		r := rule{Policy: policies[i], until: math.MaxInt64}
		r.ValidFrom = r.validFrom()
		if err := r.check(i, policies[:i]); err != nil {
			return nil, err
		}
		if r.when, err = lang.compile(r.When); err != nil {
			problem, remedy, _ := strings.Cut(err.Error(), ": ")
			return nil, &PolicyError{i, "when", problem, remedy}
		}
		p.rules = append(p.rules, r)
		p.starts = append(p.starts, r.ValidFrom)
		p.reads = append(p.reads, r.when.reads()...)
	}
	for i := range p.rules {
		for k := range p.rules {
			if a, b := &p.rules[i], &p.rules[k]; a.Name == b.Name && b.ValidFrom > a.ValidFrom {
				a.until = min(a.until, b.ValidFrom)
			}
		}
	}
	slices.Sort(p.starts)
	p.starts = slices.Compact(p.starts)
	slices.Sort(p.reads)
	p.reads = slices.Compact(p.reads)
	return p, nil
}

// check refuses what is wrong without looking at the condition.
func (r *rule) check(i int, before []Policy) error {
	if r.Name == "" {
		return &PolicyError{i, "name", "it is missing", "give the policy a name: readings and versions refer to it"}
	}
	for k := range before {
		if before[k].Name == r.Name && before[k].validFrom() == r.ValidFrom {
			return &PolicyError{i, "name", fmt.Sprintf("policy %q is given twice", r.Name), "give a later version its valid_from, or another policy another name"}
		}
	}
	for field, g := range map[string]*Goal{"first_response": &r.FirstResponse, "next_response": &r.NextResponse, "resolution": &r.Resolution} {
		for priority, d := range g.ByPriority {
			if priority != strings.ToLower(priority) {
				return &PolicyError{i, field + ".targets." + priority, "priority is not in lower case", "write it so"}
			}
			if d <= 0 || d%time.Millisecond != 0 {
				return &PolicyError{i, field + ".targets." + priority, fmt.Sprintf("%s is no positive duration in whole milliseconds", d), "write it as in 8h, 90m or 72h"}
			}
		}
		if g.Default < 0 || g.Default%time.Millisecond != 0 {
			return &PolicyError{i, field + ".default", fmt.Sprintf("%s is no positive duration in whole milliseconds", g.Default), "write it as in 8h, 90m or 72h"}
		}
	}
	return nil
}

// Attributes lists what the conditions read, sorted, as in "team" and "labels.tier". Two
// requests that agree in these and in their priority have the same targets.
func (p *Policies) Attributes() []string {
	if p == nil {
		return nil
	}
	return p.reads
}

// For returns the targets of a request, ascending in time; the first holds since ever.
// attribute gives what the request has of each attribute, "" for none; letter case of the
// priority does not matter. A condition that
// cannot be answered, as int(labels["tier"]) of a text, is not met.
func (p *Policies) For(attribute func(name string) string) []Targets {
	if p == nil || len(p.rules) == 0 {
		return []Targets{{ValidFrom: Always}}
	}
	priority := strings.ToLower(attribute("priority"))
	met := make([]bool, len(p.rules))
	for i := range p.rules {
		met[i] = p.rules[i].when.met(attribute, priority)
	}
	var out []Targets
	latest := -2
	for _, start := range p.starts {
		i := p.first(start, met)
		if i == latest {
			continue
		}
		latest = i
		t := Targets{ValidFrom: start}
		if i >= 0 {
			r := &p.rules[i]
			t.Policy = r.Name
			t.FirstResponse, t.NextResponse, t.Resolution = r.FirstResponse.clock(priority), r.NextResponse.clock(priority), r.Resolution.clock(priority)
		}
		out = append(out, t)
	}
	return out
}

// first is the first policy that is met and holds at an instant, or -1.
func (p *Policies) first(at int64, met []bool) int {
	for i := range p.rules {
		if met[i] && p.rules[i].ValidFrom <= at && at < p.rules[i].until {
			return i
		}
	}
	return -1
}

func (g *Goal) clock(priority string) Clock {
	d, found := g.ByPriority[priority]
	if !found {
		d = g.Default
	}
	return Clock{Target: d.Milliseconds(), Calendar: g.Calendar}
}

// Hidden lists the policies that no request can meet: one before them meets all requests
// for as long as they hold.
func (p *Policies) Hidden() (names []string) {
	for i := range p.rules {
		for k := range i {
			a, b := &p.rules[k], &p.rules[i]
			if a.When == "" && a.ValidFrom <= b.ValidFrom && a.until >= b.until {
				names = append(names, b.Name)
				break
			}
		}
	}
	return names
}
