package oracle

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Question asks for one KPI.
type Question struct {
	KPI    string
	Tenant string
	At     int64  // Unix seconds; what happened at t < At counts
	Window string // a rolling window, as in "7d"; "all"; or a calendar period, as in "month"
	Group  map[kpi.Dimension]string
	Live   bool // only events before At are known; else all that are given
	Rules  Rules
}

// Rules are what definitions leave to configuration.
type Rules struct {
	Options  map[string]string // switches; the default where one is left out
	Calendar Calendar
	// Targets gives the targets in force at an instant (Unix ms) for a ticket's attributes;
	// nil is none. TargetChanges are the instants at which it changes by itself.
	Targets       func(at int64, attribute func(name string) string) Targets
	TargetChanges []int64
}

// Targets are how long things may take.
type Targets struct{ FirstResponse, NextResponse, Resolution Clock }

// Clock is a target in ms of running time, 0 for none, and when it runs: nil is always.
// Open is asked for whole minutes only.
type Clock struct {
	Target int64
	Open   func(minute int64) bool // Unix minute
}

// Answer is one KPI in exact numbers of its natural units: seconds, money, points, counts.
type Answer struct {
	Value                  *big.Rat // nil where there is none
	Numerator, Denominator *big.Rat // of a ratio
	Samples                []int64  // of a distribution, sorted, in ms
	Distribution           bool
	Immature               int64
	Parts                  []*big.Rat // of an index, from 0 to 100; nil without data
	Slowest                string     // of a search for the largest
}

// Value answers one question about a list of events.
func Value(events []kpi.Event, q Question) Answer {
	return Known(events, q.Tenant, q.At, q.Live, q.Rules).Answer(q.KPI, q.Window, q.Group)
}

// World is what can be asked about one tenant's events at one instant.
type World struct {
	rules  Rules
	tenant string
	at     int64 // ms
	known  []kpi.Event
	cuts   map[int64]*facts
	starts map[string]int64 // of windows, ms
}

// Known makes the world of a tenant at an instant in Unix seconds.
func Known(events []kpi.Event, tenant string, at int64, live bool, rules Rules) *World {
	w := &World{rules: rules, tenant: tenant, at: at * 1000, cuts: map[int64]*facts{}, starts: map[string]int64{}}
	limit := int64(forever)
	if live {
		limit = w.at
	}
	w.known = effective(events, tenant, limit)
	return w
}

// Answer answers one question about the world. A group without dimensions is the tenant.
func (w *World) Answer(key, window string, group map[kpi.Dimension]string) Answer {
	define, ok := definitions[key]
	if !ok {
		panic(fmt.Sprintf("oracle: kpi %q is unknown: use one of %s", key, strings.Join(Keys(), ", ")))
	}
	return define(w.ask(window, group))
}

// Keys lists the KPIs that the oracle knows.
func Keys() []string { return slices.Sorted(maps.Keys(definitions)) }

type definition func(*asker) Answer

var definitions = func() map[string]definition {
	all := map[string]definition{}
	for _, section := range []map[string]definition{
		headlines, ticketKPIs, callKPIs, sessionKPIs, voiceKPIs, moneyKPIs, customerKPIs, serviceKPIs, agentKPIs,
	} {
		maps.Copy(all, section)
	}
	return all
}()

// asker is one question: a window and a group.
type asker struct {
	*World
	lo, hi int64 // ms, lo ≤ t < hi
	window string
	period bool
	group  map[kpi.Dimension]string
}

func (w *World) ask(window string, group map[kpi.Dimension]string) *asker {
	a := &asker{World: w, window: window, group: group, hi: w.at}
	lo, known := w.starts[window]
	if !known {
		lo = w.rules.Calendar.start(window, w.at)
		w.starts[window] = lo
	}
	a.lo, a.period = lo, isPeriod(window)
	return a
}

// before is what the known events before a cut have made of things.
func (w *World) before(cut int64) *facts {
	f := w.cuts[cut]
	if f == nil {
		f = w.gather(cut)
		w.cuts[cut] = f
	}
	return f
}

// outcome is everything that is known: for what happened in the window, and became of it.
func (a *asker) outcome() *facts { return a.before(forever) }

// now is the state at the instant: for stocks.
func (a *asker) now() *facts { return a.before(a.hi) }

// in reports whether something that happened counts for this question.
func (a *asker) in(m moment) bool {
	return m.is && a.lo <= m.at && m.at < a.hi && a.mine(m.dims)
}

// mine reports whether something with these dimensions counts for this question.
func (a *asker) mine(dims kpi.Dims) bool {
	for d, value := range a.group {
		if dims[d] != value {
			return false
		}
	}
	return true
}

// whole is the same question about the whole tenant.
func (a *asker) whole() *asker {
	b := *a
	b.group = nil
	return &b
}

// count counts the things of a list for which something holds.
func count[T any](list []T, holds func(*T) bool) (n int64) {
	for i := range list {
		if holds(&list[i]) {
			n++
		}
	}
	return n
}

// sum adds up what a list says.
func sum[T any](list []T, value func(*T) int64) (n int64) {
	for i := range list {
		n += value(&list[i])
	}
	return n
}

func number(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

// seconds, money and points turn the units of events into natural ones.
func seconds(ms int64) *big.Rat { return big.NewRat(ms, 1000) }
func money(n int64) *big.Rat    { return big.NewRat(n, 10_000) }
func points(n int64) *big.Rat   { return big.NewRat(n, 1_000_000) }

// ratio has no value where the denominator is 0.
func ratio(num, den *big.Rat) Answer {
	return Answer{Value: divide(num, den), Numerator: num, Denominator: den}
}

func divide(num, den *big.Rat) *big.Rat {
	if num == nil || den == nil || den.Sign() == 0 {
		return nil
	}
	return new(big.Rat).Quo(num, den)
}

func share(num, den int64) Answer { return ratio(number(num), number(den)) }
func total(value *big.Rat) Answer { return Answer{Value: value, Numerator: value} }
func amount(n int64) Answer       { return total(number(n)) }
func nothing() Answer             { return Answer{} }
func (a Answer) young(n int64) Answer {
	a.Immature = n
	return a
}

// distribution is samples in ms; durations below zero, of clocks that differ, are 0.
func distribution(samples []int64) Answer {
	for i := range samples {
		samples[i] = max(0, samples[i])
	}
	slices.Sort(samples)
	return Answer{Value: mean(samples), Samples: samples, Distribution: true}
}

// mean is in seconds.
func mean(samples []int64) *big.Rat {
	var n int64
	for _, s := range samples {
		n += max(0, s)
	}
	return divide(seconds(n), number(int64(len(samples))))
}

// Quantile is the nearest rank among the samples, in ms.
func (a *Answer) Quantile(percent int) int64 {
	rank := (len(a.Samples)*percent + 99) / 100
	return a.Samples[max(0, rank-1)]
}

var defaults = map[string]string{
	"first_handling":    "any",
	"overdue_until":     "resolved",
	"repeat":            "window",
	"call_cost":         "inbound",
	"satisfied_of":      "respondents",
	"satisfied_from":    "80",
	"complaint_subject": "service",
	"active_customer":   "period",
	"timely":            "reply",
	"resolution_of":     "raised",
	"answer_within":     "20s",
	"abandon_within":    "5s",
}

func (w *World) option(name string) string {
	value, ok := w.rules.Options[name]
	if !ok {
		value, ok = defaults[name]
	}
	if !ok {
		panic("oracle: option " + name + " is unknown")
	}
	return value
}

// optionNumber reads an option that is a number, or a number of seconds.
func (w *World) optionNumber(name string) *big.Rat {
	n, ok := new(big.Rat).SetString(strings.TrimSuffix(w.option(name), "s"))
	if !ok {
		panic("oracle: option " + name + " is no number")
	}
	return n
}
