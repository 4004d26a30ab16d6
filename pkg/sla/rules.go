package sla

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the zones are part of the program: no machine has to have them
)

// Week is the open parts of each day of the week, by time.Weekday.
type Week [7][]Span

// AlwaysOpen is a week without a closed instant.
func AlwaysOpen() (w Week) {
	for i := range w {
		w[i] = WholeDay
	}
	return w
}

// Stretch is a part of time, from ≤ t < to, in Unix milliseconds.
type Stretch struct{ From, To int64 }

// Change gives a calendar another week from a day on.
type Change struct {
	From Day
	Week Week
}

// Rules is what a calendar is made of. An instant is open where the clock on the wall then
// shows a time within the hours of the date that it shows, and no stretch is closed: so
// an hour that the clock leaves out does not count, and one that it shows twice counts
// twice.
type Rules struct {
	Zone    *time.Location
	Week    Week
	Changes []Change // in any order
	// The hours of a date are those of Days, else a working day's if it is one of Working,
	// else none if it is one of Holidays, else those of the week.
	Days     map[Day][]Span
	Working  []Day
	Holidays []Day
	// Closed takes away from all of them.
	Closed []Stretch
}

// ParseZone reads the IANA name of a time zone.
func ParseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("time zone %q is unknown: give an IANA name, as in Asia/Shanghai or UTC", name)
	}
	return zone, nil
}

// Calendar lays the rules out.
func (r *Rules) Calendar() *Calendar {
	return &Calendar{runs: merge(cut(r.runs(), joined(r.Closed)))}
}

// plan is the hours from a day on, to the next entry.
type plan struct {
	from  Day
	hours *hours
}

// plans lists the hours of all days, in order; the first entry has no beginning.
func (r *Rules) plans() []plan {
	changes := slices.SortedFunc(slices.Values(r.Changes), func(a, b Change) int { return int(a.From - b.From) })
	own := r.days(changes)
	breaks := make([]Day, 0, 2*len(own)+len(changes))
	for d := range own {
		breaks = append(breaks, d, d+1)
	}
	for _, c := range changes {
		breaks = append(breaks, c.From)
	}
	slices.Sort(breaks)
	known := make(map[string]*hours) // days with equal hours share them
	weekly := make([]*hours, len(changes)+1)
	for i := range weekly {
		weekly[i] = weekOf(r.weekFrom(changes, i))
	}
	out := []plan{{from: firstDay, hours: weekly[0]}}
	for _, d := range slices.Compact(breaks) {
		h := weekly[changesTo(changes, d)]
		if spans, ok := own[d]; ok {
			key := fmt.Sprint(spans)
			if known[key] == nil {
				known[key] = newHours(func(Day) []Span { return spans })
			}
			h = known[key]
		}
		out = append(out, plan{from: d, hours: h})
	}
	return out
}

// days gives the dates that do not follow the week.
func (r *Rules) days(changes []Change) map[Day][]Span {
	own := make(map[Day][]Span)
	for _, d := range r.Holidays {
		own[d] = nil
	}
	for _, d := range r.Working {
		own[d] = workingDay(r.weekFrom(changes, changesTo(changes, d)))
	}
	maps.Copy(own, r.Days)
	maps.DeleteFunc(own, func(d Day, _ []Span) bool { return d < firstDay || d >= endDay })
	return own
}

// workingDay is the hours of the first day, from Monday on, that has any.
func workingDay(w Week) []Span {
	for i := range 7 {
		if spans := w[(1+i)%7]; len(spans) > 0 {
			return spans
		}
	}
	return nil
}

// changesTo is how many changes have come by a day.
func changesTo(changes []Change, d Day) int {
	n := 0
	for n < len(changes) && changes[n].From <= d {
		n++
	}
	return n
}

func (r *Rules) weekFrom(changes []Change, i int) Week {
	if i == 0 {
		return r.Week
	}
	return changes[i-1].Week
}

func weekOf(w Week) *hours {
	return newHours(func(d Day) []Span { return w[d.Weekday()] })
}

// runs lays the plans over the offsets of the zone.
func (r *Rules) runs() (out []run) {
	plans := r.plans()
	begin := int64(firstDay) * day
	for t := time.UnixMilli(begin).In(r.Zone); ; {
		_, seconds := t.Zone()
		_, change := t.ZoneBounds()
		if !change.IsZero() && !change.After(t) {
			change = t.Add(time.Hour) // the library says so on the last day of a leap year
		}
		shift, end := int64(seconds)*1000, int64(Never)
		if !change.IsZero() && change.UnixMilli() < int64(endDay)*day {
			end = change.UnixMilli()
		}
		for i, p := range plans {
			from, to := begin, end
			if i > 0 {
				from = max(begin, int64(p.from)*day-shift)
			}
			if i+1 < len(plans) {
				to = min(end, int64(plans[i+1].from)*day-shift)
			}
			if from < to {
				out = append(out, run{start: from, shift: shift, hours: p.hours})
			}
		}
		if end == Never {
			return out
		}
		begin, t = end, change
	}
}

// joined sorts stretches and joins those that touch.
func joined(in []Stretch) (out []Stretch) {
	in = slices.SortedFunc(slices.Values(in), func(a, b Stretch) int { return cmp.Compare(a.From, b.From) })
	for _, s := range in {
		switch n := len(out); {
		case s.To <= s.From:
		case n > 0 && s.From <= out[n-1].To:
			out[n-1].To = max(out[n-1].To, s.To)
		default:
			out = append(out, s)
		}
	}
	return out
}

// cut closes the runs within the stretches.
func cut(runs []run, closed []Stretch) (out []run) {
	never := &hours{}
	for i, r := range runs {
		end := int64(Never)
		if i+1 < len(runs) {
			end = runs[i+1].start
		}
		for len(closed) > 0 && closed[0].To <= r.start {
			closed = closed[1:]
		}
		for _, s := range closed {
			if s.From >= end || r.start >= end {
				break
			}
			if s.From > r.start {
				out = append(out, r)
			}
			shut := r
			shut.start, shut.hours = max(r.start, s.From), never
			out = append(out, shut)
			r.start = s.To
		}
		if r.start < end {
			out = append(out, r)
		}
	}
	return out
}

// merge joins runs that say the same and counts the open time before each.
func merge(runs []run) (out []run) {
	for _, r := range runs {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if last.hours.equal(r.hours) && (last.shift == r.shift || constant(r.hours)) {
				continue
			}
			r.before = last.at(r.start)
			r.base = r.before - r.hours.until(r.start+r.shift)
		}
		out = append(out, r)
	}
	return slices.Clip(out)
}

// constant says that hours are all open or all closed, so that no offset matters.
func constant(h *hours) bool { return h.total == 0 || h.total == week }

// WeekAt returns the week that holds on a day.
func (r *Rules) WeekAt(d Day) Week {
	changes := slices.SortedFunc(slices.Values(r.Changes), func(a, b Change) int { return int(a.From - b.From) })
	return r.weekFrom(changes, changesTo(changes, d))
}
