package sla

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// names is the attributes that the tests' conditions may read.
var names = []string{"tenant", "type", "team", "segment"}

func policies(t testing.TB, list ...Policy) *Policies {
	t.Helper()
	p, err := NewPolicies(list, names)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// of answers from a map.
func of(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// brief is Targets without calendars, with the target of the resolution.
type brief struct {
	From   int64
	Policy string
	Target time.Duration
}

func briefly(list []Targets) (out []brief) {
	for _, t := range list {
		out = append(out, brief{t.ValidFrom, t.Policy, time.Duration(t.Resolution.Target) * time.Millisecond})
	}
	return out
}

func hours8(d time.Duration) Goal {
	return Goal{ByPriority: map[string]time.Duration{"high": d}, Default: 9 * d}
}

func TestTheFirstPolicyThatIsMetHolds(t *testing.T) {
	p := policies(t,
		Policy{Name: "gold", When: `labels["tier"] == "gold" || labels.tier == "platinum"`, Resolution: hours8(time.Hour)},
		Policy{Name: "billing", When: `team in ["billing", "invoices"] && priority != "low"`, Resolution: hours8(2 * time.Hour)},
		Policy{Name: "none", When: `type == "feedback"`},
		Policy{Name: "rest", Resolution: hours8(3 * time.Hour)},
	)
	for _, c := range []struct {
		values map[string]string
		want   brief
	}{
		{map[string]string{"labels.tier": "gold", "team": "billing", "priority": "High"}, brief{Always, "gold", time.Hour}},
		{map[string]string{"labels.tier": "platinum"}, brief{Always, "gold", 9 * time.Hour}},
		{map[string]string{"team": "billing", "priority": "HIGH"}, brief{Always, "billing", 2 * time.Hour}},
		{map[string]string{"team": "billing", "priority": "LOW"}, brief{Always, "rest", 27 * time.Hour}},
		{map[string]string{"type": "feedback"}, brief{Always, "none", 0}},
		{nil, brief{Always, "rest", 27 * time.Hour}},
	} {
		if diff := cmp.Diff([]brief{c.want}, briefly(p.For(of(c.values)))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.values, diff)
		}
	}
	if diff := cmp.Diff([]string{"labels.tier", "team", "type"}, p.Attributes()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

// A version replaces the earlier one of its name from its beginning on, in its own place.
func TestVersions(t *testing.T) {
	p := policies(t,
		Policy{Name: "gold", When: `segment == "gold"`, Resolution: hours8(time.Hour)},
		Policy{Name: "gold", ValidFrom: 2000, When: `segment == "gold" && team == "vip"`, Resolution: hours8(2 * time.Hour)},
		Policy{Name: "fair", ValidFrom: 1000, Resolution: hours8(4 * time.Hour)},
		Policy{Name: "rest", Resolution: hours8(3 * time.Hour)},
	)
	high := func(values map[string]string) []brief {
		values["priority"] = "high"
		return briefly(p.For(of(values)))
	}
	for _, c := range []struct{ got, want []brief }{
		{high(map[string]string{"segment": "gold"}), []brief{{Always, "gold", time.Hour}, {2000, "fair", 4 * time.Hour}}},
		{high(map[string]string{"segment": "gold", "team": "vip"}), []brief{{Always, "gold", time.Hour}, {2000, "gold", 2 * time.Hour}}},
		{high(map[string]string{}), []brief{{Always, "rest", 3 * time.Hour}, {1000, "fair", 4 * time.Hour}}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestWithoutPolicies(t *testing.T) {
	var p *Policies
	for _, got := range [][]Targets{p.For(of(nil)), policies(t).For(of(nil)), (&Policies{}).For(of(nil))} {
		if diff := cmp.Diff([]brief{{From: Always}}, briefly(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if p.Attributes() != nil || p.Rewrites(Record{}) != nil || p.Fingerprint() == "" {
		t.Error("no policies are not empty")
	}
}

// What runs without a target runs by the calendar all the same: a target may come.
func TestWithoutATarget(t *testing.T) {
	c := (&Rules{Zone: time.UTC}).Calendar()
	p := policies(t, Policy{Name: "a", Resolution: Goal{ByPriority: map[string]time.Duration{"high": time.Hour}, Calendar: c}})
	if got := p.For(of(nil))[0].Resolution; got.Target != 0 || got.Calendar != c {
		t.Errorf("%+v", got)
	}
}

// A policy that begins later is met by nothing before.
func TestBeforeThePolicyBegins(t *testing.T) {
	p := policies(t, Policy{Name: "new", ValidFrom: 5000, Resolution: hours8(time.Hour)})
	want := []brief{{From: Always}, {5000, "new", 9 * time.Hour}}
	if diff := cmp.Diff(want, briefly(p.For(of(nil)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMistakesInPolicies(t *testing.T) {
	usual := hours8(time.Hour)
	for _, c := range []struct {
		name   string
		policy Policy
		want   PolicyError
	}{
		{"no name", Policy{}, PolicyError{1, "name", "it is missing", "give the policy a name: readings and versions refer to it"}},
		{"a name twice", Policy{Name: "first", Resolution: usual}, PolicyError{1, "name", `policy "first" is given twice`, "give a later version its valid_from, or another policy another name"}},
		{"no target", Policy{Name: "a", NextResponse: Goal{ByPriority: map[string]time.Duration{"high": 0}}}, PolicyError{1, "next_response.targets.high", "0s is no positive duration in whole milliseconds", "write it as in 8h, 90m or 72h"}},
		{"letter case", Policy{Name: "a", NextResponse: Goal{ByPriority: map[string]time.Duration{"High": 1}}}, PolicyError{1, "next_response.targets.High", "priority is not in lower case", "write it so"}},
		{"negative", Policy{Name: "a", FirstResponse: Goal{Default: -1}}, PolicyError{1, "first_response.default", "-1ns is no positive duration in whole milliseconds", "write it as in 8h, 90m or 72h"}},
		{"unknown attribute", Policy{Name: "a", When: `priority == "high" && colour == "red"`},
			PolicyError{1, "when", "undeclared reference to 'colour' at character 23", `use priority, segment, team, tenant, type, labels["…"] and CEL, as in team == "support" && priority != "low"`}},
		{"no condition", Policy{Name: "a", When: `team`}, PolicyError{1, "when", "it is no condition but a string", `compare it with something, as in team == "support"`}},
		{"wrong type", Policy{Name: "a", When: `team == 5`}, PolicyError{Index: 1, Field: "when", Problem: "found no matching overload for '_==_' applied to '(string, int)' at character 6"}},
		{"no CEL", Policy{Name: "a", When: `team ==`}, PolicyError{Index: 1, Field: "when"}},
		{"labels as a whole", Policy{Name: "a", When: `"tier" in labels`}, PolicyError{1, "when", "labels is used as a whole", `name the label, as in labels["tier"]; one that is missing is ""`}},
		{"a label that is not named", Policy{Name: "a", When: `labels[team] == ""`}, PolicyError{1, "when", "labels is used as a whole", `name the label, as in labels["tier"]; one that is missing is ""`}},
		{"letter case of a priority", Policy{Name: "a", When: `team == "Mail" && (priority in ["low", "High"])`}, PolicyError{1, "when", `priority is compared with "High"`, "write it in lower case, as all priorities are read"}},
		{"has", Policy{Name: "a", When: `has(labels.tier)`}, PolicyError{1, "when", "labels is used as a whole", `name the label, as in labels["tier"]; one that is missing is ""`}},
	} {
		_, err := NewPolicies([]Policy{{Name: "first"}, c.policy}, names)
		var got *PolicyError
		if !errors.As(err, &got) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.want.Remedy == "" { // the words are the library's
			c.want.Remedy = got.Remedy
		}
		if c.want.Problem == "" {
			c.want.Problem = got.Problem
		}
		if diff := cmp.Diff(&c.want, got); diff != "" || got.Problem == "" || got.Remedy == "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// A condition that cannot be answered is not met, and a missing label is "".
func TestConditionsWithoutAnAnswer(t *testing.T) {
	p := policies(t,
		Policy{Name: "number", When: `int(labels["floor"]) > 3`, Resolution: hours8(time.Hour)},
		Policy{Name: "missing", When: `labels["floor"] == "" && [team].exists(x, x.startsWith("b"))`, Resolution: hours8(time.Hour)},
	)
	for values, want := range map[[2]string]string{{"5", ""}: "number", {"attic", ""}: "", {"", "billing"}: "missing", {"", "mail"}: ""} {
		if got := p.For(of(map[string]string{"labels.floor": values[0], "team": values[1]})); got[0].Policy != want {
			t.Errorf("%v: policy %q, want %q", values, got[0].Policy, want)
		}
	}
}

func TestHidden(t *testing.T) {
	p := policies(t,
		Policy{Name: "a", ValidFrom: 1000},
		Policy{Name: "b"},
		Policy{Name: "c", ValidFrom: 500, When: `team == "x"`},
	)
	if got := p.Hidden(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("hidden: %q", got)
	}
}

// What has been applied may not change without a word: this is what an edit in force is
// known by.
func TestEditsInForce(t *testing.T) {
	utc := time.UTC
	office := Rules{Zone: utc, Week: weekdaysWith(t, "monday-friday", "09:00-17:00")}
	with := func(r Rules) *Calendar { return r.Calendar() }
	now := at(t, utc, "2026-11-23T12:00")
	goal := func(c *Calendar) Goal { return Goal{Default: time.Hour, Calendar: c} }
	was := policies(t,
		Policy{Name: "gold", When: `segment == "gold"`, Resolution: goal(with(office))},
		Policy{Name: "rest", Resolution: goal(with(office))},
	).Record(now)

	later, before := office, office
	later.Holidays = []Day{date(t, "2026-11-24")}
	before.Holidays = []Day{date(t, "2026-11-20")}
	sunday := office
	sunday.Holidays = []Day{date(t, "2026-11-22")}
	today := office
	today.Days = map[Day][]Span{date(t, "2026-11-23"): spans(t, "09:00-13:00")}
	const gold = `segment == "gold"`
	for _, c := range []struct {
		name string
		list []Policy
		want string
	}{
		{"nothing", []Policy{{Name: "gold", When: gold, Resolution: goal(with(office))}, {Name: "rest", Resolution: goal(with(office))}}, ""},
		{"a holiday to come", []Policy{{Name: "gold", When: gold, Resolution: goal(with(later))}, {Name: "rest", Resolution: goal(with(office))}}, ""},
		{"an afternoon off, told at noon", []Policy{{Name: "gold", When: gold, Resolution: goal(with(today))}, {Name: "rest", Resolution: goal(with(office))}}, ""},
		{"a holiday on a Sunday", []Policy{{Name: "gold", When: gold, Resolution: goal(with(sunday))}, {Name: "rest", Resolution: goal(with(office))}}, ""},
		{"a version to come", []Policy{{Name: "gold", When: gold, Resolution: goal(with(office))}, {Name: "gold", ValidFrom: now}, {Name: "rest", Resolution: goal(with(office))}}, ""},
		{"a holiday in the past", []Policy{{Name: "gold", When: gold, Resolution: goal(with(before))}, {Name: "rest", Resolution: goal(with(office))}},
			`policy "gold", which events before 2026-11-23T12:00:00Z have been read with, has other open hours in the past: let a change of hours begin later, or start with --restate to read the past anew`},
		{"a condition", []Policy{{Name: "gold", When: `segment == "x"`, Resolution: goal(with(office))}, {Name: "rest", Resolution: goal(with(office))}}, `policy "gold", which events before 2026-11-23T12:00:00Z have been read with, has been edited: put it back`},
		{"a target", []Policy{{Name: "gold", When: gold, Resolution: goal(with(office))}, {Name: "rest", Resolution: Goal{Default: 2 * time.Hour, Calendar: with(office)}}}, `policy "rest", which events before 2026-11-23T12:00:00Z have been read with, has been edited`},
		{"one is gone", []Policy{{Name: "rest", Resolution: goal(with(office))}}, `policy "gold", which events before 2026-11-23T12:00:00Z have been read with, is gone`},
		{"another order", []Policy{{Name: "rest", Resolution: goal(with(office))}, {Name: "gold", When: gold, Resolution: goal(with(office))}}, `policy "rest", which events before 2026-11-23T12:00:00Z have been read with, is new or has another place in the list`},
		{"one that begins in the past", []Policy{{Name: "gold", When: gold, Resolution: goal(with(office))}, {Name: "rest", Resolution: goal(with(office))}, {Name: "new", ValidFrom: now - 1}}, `policy "new", which events before 2026-11-23T12:00:00Z have been read with, is new`},
	} {
		err := policies(t, c.list...).Rewrites(was)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// The whole fingerprint tells of everything, also of what is to come.
func TestFingerprint(t *testing.T) {
	office := Rules{Zone: time.UTC, Week: weekdaysWith(t, "monday-friday", "09:00-17:00")}
	of := func(r Rules) string {
		return policies(t, Policy{Name: "a", Resolution: Goal{Default: time.Hour, Calendar: r.Calendar()}}).Fingerprint()
	}
	same, later, elsewhere := office, office, office
	later.Holidays = []Day{date(t, "2026-11-24")}
	elsewhere.Zone = zone(t, "Asia/Tehran")
	if of(office) != of(same) || of(office) == of(later) || of(office) == of(elsewhere) {
		t.Error("the fingerprint does not tell what has changed")
	}
}
