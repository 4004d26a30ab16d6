package oracle

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/big"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/pkg/window"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// A failing case prints its seed and its events; nothing is left in the tree.
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// setting is what the engine and the oracle are both told, each in its own words.
type setting struct {
	stage
	rules  Rules
	config engine.Config
}

func drawSetting(t *rapid.T) setting {
	s := setting{stage: drawStage(t)}
	s.rules = Rules{Calendar: s.calendar, Options: map[string]string{}}
	catalogue := freshCatalogue(t)
	for _, option := range catalogue.Options {
		if len(option.Values) > 0 && chance(t, option.Name, 4) {
			value := pick(t, option.Name, option.Values...)
			s.rules.Options[option.Name] = value
			if err := catalogue.SetOption(option.Name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.config = engine.Config{
		Partitions: 1, Clock: engine.EventClock, Windows: window.Default(), Catalogue: catalogue,
		Groups:   []kpi.Set{kpi.SetOf(kpi.Team), kpi.SetOf(kpi.Channel)},
		Keep:     kpi.SetOf(kpi.Team, kpi.Channel, kpi.Priority, kpi.Category, kpi.AgentName, kpi.Outsourced, kpi.Novelty),
		Calendar: s.periods,
	}
	s.agree(t)
	return s
}

var builtIn = sync.OnceValues(kpi.LoadCatalogue)

// freshCatalogue is the built-in one, with options of its own.
func freshCatalogue(t *rapid.T) *kpi.Catalogue {
	c, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	fresh := *c
	fresh.Options = slices.Clone(c.Options)
	return &fresh
}

// periods is the calendar of the stage, in the engine's words.
func (s *stage) periods(string) *period.Calendar {
	system := period.Gregorian
	if s.calendar.SolarHijri {
		system = period.SolarHijri
	}
	c, err := period.New(s.zone, system, s.calendar.WeekStart, max(1, s.calendar.FiscalMonth))
	if err != nil {
		panic(err)
	}
	return c
}

func (s *setting) engine(t *rapid.T) *engine.Engine {
	e, err := engine.New(s.config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Live: the events before the instant, in order.
func TestLiveEqualsOracle(t *testing.T) {
	checked := 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetting(t)
		events := drawHistory(t, s.stage)
		ordered := slices.Clone(events)
		slices.SortFunc(ordered, inOrder)
		e := s.engine(t)
		instants := []int64{s.reading(t, events), s.reading(t, events)}
		slices.Sort(instants)
		for _, at := range instants {
			for len(ordered) > 0 && ordered[0].At < at*1000 {
				e.Apply(&ordered[0], engine.Position{Sequence: e.Sequence() + 1})
				ordered = ordered[1:]
			}
			c := comparison{setting: &s, events: events, at: at, live: true}
			checked += c.check(t, e)
		}
	})
	if !t.Failed() && checked < 1000 {
		t.Errorf("only %d readings were compared", checked)
	}
}

// Restated: all events, in any order, with duplicates, split over partitions, with
// restarts in between.
func TestRestatedEqualsOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSetting(t)
		events := drawHistory(t, s.stage)
		partitions := pick(t, "partitions", 1, 2, 5)
		s.config.Partitions = uint16(partitions)
		parts := make([]*engine.Engine, partitions)
		for p := range parts {
			s.config.Partition = uint16(p)
			parts[p] = s.engine(t)
		}
		shuffled := slices.Clone(events)
		if chance(t, "shuffled", 2) {
			repeated := events[:rapid.IntRange(0, len(events)).Draw(t, "repeated")]
			shuffled = rapid.Permutation(slices.Concat(events, repeated)).Draw(t, "order")
		}
		restart := rapid.IntRange(0, len(shuffled)).Draw(t, "restart")
		newest := int64(0)
		for i := range shuffled {
			ev := shuffled[i]
			newest = max(newest, ev.At/1000)
			p := kpi.Partition(ev.Tenant, ev.PartitionKey(), partitions)
			if i == restart {
				s.config.Partition = uint16(p)
				restored, err := engine.Restore(s.config, parts[p].Snapshot())
				if err != nil {
					t.Fatal(err)
				}
				parts[p] = restored
			}
			parts[p].Apply(&ev, engine.Position{Sequence: uint64(i + 1)})
		}
		c := comparison{setting: &s, events: events, at: s.around(t, events, newest)}
		c.check(t, parts...)
	})
}

// around draws an instant after the newest event, or before it on the grid of what is
// still kept.
func (s stage) around(t *rapid.T, events []kpi.Event, newest int64) int64 {
	switch pick(t, "when", "soon", "later", "before", "day before") {
	case "later":
		return max(newest+1, s.reading(t, events))
	case "before":
		return newest - rapid.Int64Range(0, 15*60).Draw(t, "before")
	case "day before":
		return (newest - rapid.Int64Range(0, 20*3600).Draw(t, "before")) / 60 * 60
	}
	return newest + 1
}

// comparison holds the merged readings of some engines against the oracle.
type comparison struct {
	*setting
	events []kpi.Event
	at     int64
	live   bool
	worlds map[string]*World
	given  map[string][]string // the windows that all engines which know a tenant give
}

func (c *comparison) check(t *rapid.T, engines ...*engine.Engine) (checked int) {
	c.worlds = map[string]*World{}
	compiled := engines[0].Compiled()
	type question struct {
		tenant, key, window string
		group               kpi.Group
	}
	answered := map[question]bool{}
	windows := map[string]bool{}
	for _, r := range compiled.Readings(c.at, c.totals(t, engines)) {
		d, _ := compiled.Catalogue.Find(r.KPI)
		if !inScope(d, r.Group.Set) || c.past() && ofNow(d) || !c.readable(r.Tenant, r.Window) {
			continue
		}
		windows[r.Window] = true
		answered[question{r.Tenant, r.KPI, r.Window, r.Group}] = true
		if wrong := differs(d, &r.Value, c.answer(r.Tenant, r.KPI, r.Window, r.Group)); wrong != "" {
			c.fail(t, r.Tenant, r.KPI, r.Window, r.Group, wrong)
		}
		checked++
	}
	// What the engine says nothing of has no value, or is nothing.
	for i := range compiled.Catalogue.KPIs {
		d := &compiled.Catalogue.KPIs[i]
		for _, group := range c.groups() {
			for w := range windows {
				if answered[question{"t", d.Key, w, group}] || !hasMeaning(d, w) || !c.readable("t", w) || c.past() && ofNow(d) {
					continue
				}
				if want := c.answer("t", d.Key, w, group); want.Value != nil && want.Value.Sign() != 0 {
					c.fail(t, "t", d.Key, w, group, fmt.Sprintf("there is no reading, want %s", show(want.Value)))
				}
			}
		}
	}
	return checked
}

// inScope: by dimensions of events, and by those that the KPI itself is broken down by.
func inScope(d *kpi.Definition, s kpi.Set) bool {
	return s < 1<<kpi.Queue || slices.Contains(d.By, s.String())
}

// hasMeaning: stocks have no window, and what is of a period has no rolling one.
func hasMeaning(d *kpi.Definition, win string) bool {
	if win == "" || !d.Windowed() {
		return win == "" && !d.Windowed()
	}
	return d.Type != kpi.Periodic || isPeriod(win)
}

// past reports whether events at or after the instant are known.
func (c *comparison) past() bool {
	return !c.live && slices.ContainsFunc(c.events, func(ev kpi.Event) bool { return ev.At >= c.at*1000 })
}

// ofNow: the oldest of something is known for now only.
func ofNow(d *kpi.Definition) bool { return strings.HasPrefix(d.Numerator, "oldest(") }

func (c *comparison) groups() []kpi.Group {
	groups := []kpi.Group{{}}
	for _, by := range []struct {
		d      kpi.Dimension
		values []string
	}{{kpi.Team, []string{"", "a", "b"}}, {kpi.Channel, []string{"", "phone", "web"}}} {
		for _, value := range by.values {
			g := kpi.Group{Set: kpi.SetOf(by.d)}
			g.Dims[by.d] = value
			groups = append(groups, g)
		}
	}
	return groups
}

func (c *comparison) answer(tenant, key, win string, group kpi.Group) Answer {
	w := c.worlds[tenant]
	if w == nil {
		w = Known(c.events, tenant, c.at, c.live, c.rules)
		c.worlds[tenant] = w
	}
	by := map[kpi.Dimension]string{}
	for _, d := range group.Set.Dimensions() {
		by[d] = group.Dims[d]
	}
	return w.Answer(key, win, by)
}

func (c *comparison) fail(t *rapid.T, tenant, key, win string, group kpi.Group, wrong string) {
	t.Fatalf("%s of %s, window %q, by %q %v, at %s, live %t: %s\noptions %v, zone %s\n%s", key, tenant, win, group.Set,
		strings.Join(slices.DeleteFunc(slices.Clone(group.Dims[:]), func(v string) bool { return v == "" }), " "),
		instantText(c.at), c.live, wrong, c.rules.Options, c.zone, c.tell(tenant))
}

// take notes the windows that an engine gives.
func (c *comparison) take(totals []kpi.Totals) {
	windows := map[string][]string{}
	for i := range totals {
		if totals[i].Group.Set == 0 {
			windows[totals[i].Tenant] = append(windows[totals[i].Tenant], totals[i].Window)
		}
	}
	for tenant, list := range windows {
		if before, known := c.given[tenant]; known {
			list = slices.DeleteFunc(list, func(w string) bool { return !slices.Contains(before, w) })
		}
		c.given[tenant] = list
	}
}

// readable: what an instant of the past lies too far from is left out.
func (c *comparison) readable(tenant, win string) bool {
	return win == "" || slices.Contains(c.given[tenant], win)
}

// tell prints the tenant's events in order.
func (c *comparison) tell(tenant string) string {
	events := slices.DeleteFunc(slices.Clone(c.events), func(ev kpi.Event) bool { return ev.Tenant != tenant })
	slices.SortFunc(events, inOrder)
	return tell(events)
}

// totals are those of all partitions, added up.
func (c *comparison) totals(t *rapid.T, engines []*engine.Engine) []kpi.Totals {
	type cell struct {
		tenant, window string
		group          kpi.Group
	}
	index := map[cell]int{}
	var out []kpi.Totals
	c.given = map[string][]string{}
	for _, e := range engines {
		totals, err := e.Read(c.at)
		c.take(totals)
		for _, by := range []kpi.Dimension{kpi.Team, kpi.Channel} { // the slowest stage of a team is found among its stages
			more, failed := e.ReadBy(c.at, kpi.SetOf(by, kpi.Stage))
			totals, err = append(totals, more...), errors.Join(err, failed)
		}
		if err != nil {
			t.Fatalf("at %s: %v\n%s", instantText(c.at), err, tell(c.events))
		}
		for i := range totals {
			k := cell{totals[i].Tenant, totals[i].Window, totals[i].Group}
			n, ok := index[k]
			if !ok {
				index[k] = len(out)
				out = append(out, totals[i])
				continue
			}
			mergeTotals(&out[n], &totals[i])
		}
	}
	return out
}

func mergeTotals(a, b *kpi.Totals) {
	a.Values, a.Openings = slices.Clone(a.Values), slices.Clone(a.Openings)
	a.Values.Merge(b.Values)
	a.Openings.Merge(b.Openings)
	oldest := slices.Clone(a.Oldest)
	for _, o := range b.Oldest {
		i := slices.IndexFunc(oldest, func(p kpi.OldestEntry) bool { return p.Measure == o.Measure })
		if i < 0 {
			oldest = append(oldest, o)
		} else {
			oldest[i].At = min(oldest[i].At, o.At)
		}
	}
	a.Oldest = oldest
}

// differs says in what a value differs from the answer; "" is in nothing.
func differs(d *kpi.Definition, got *kpi.Value, want Answer) string {
	if !same(got.Value, want.Value) {
		return fmt.Sprintf("value is %s, want %s (%s / %s, %v)", text(got.Value), show(want.Value), show(want.Numerator), show(want.Denominator), want.Samples)
	}
	for _, part := range []struct {
		name string
		got  *float64
		want *big.Rat
	}{{"numerator", got.Numerator, want.Numerator}, {"denominator", got.Denominator, want.Denominator}} {
		if part.got != nil && part.want != nil && !same(part.got, part.want) {
			return fmt.Sprintf("%s is %s, want %s", part.name, text(part.got), show(part.want))
		}
	}
	if d.Immature != "" && (got.Immature == nil || *got.Immature != float64(want.Immature)) {
		return fmt.Sprintf("immature is %s, want %d", text(got.Immature), want.Immature)
	}
	if d.Formula == kpi.Slowest && got.Slowest != want.Slowest {
		return fmt.Sprintf("slowest is %q, want %q", got.Slowest, want.Slowest)
	}
	for i, p := range want.Parts {
		if !same(got.Parts[i].Value, p) {
			return fmt.Sprintf("part %s is %s, want %s", got.Parts[i].Name, text(got.Parts[i].Value), show(p))
		}
	}
	if d.Formula == kpi.Distribution {
		return differsIn(got, &want)
	}
	return ""
}

func differsIn(got *kpi.Value, want *Answer) string {
	if got.Count != int64(len(want.Samples)) {
		return fmt.Sprintf("%d samples, want %v", got.Count, want.Samples)
	}
	if got.Count == 0 {
		return ""
	}
	for _, q := range kpi.Quantiles {
		nearest := float64(want.Quantile(int(math.Round(q.Q*100)))) / 1000
		if value := got.Quantiles[q.Name]; math.Abs(value-nearest) > 0.011*nearest {
			return fmt.Sprintf("%s is %g, want %g of %v", q.Name, value, nearest, want.Samples)
		}
	}
	return ""
}

// same: exactly, but for the last bits of a float.
func same(got *float64, want *big.Rat) bool {
	if got == nil || want == nil {
		return got == nil && want == nil
	}
	w, _ := want.Float64()
	return math.Abs(*got-w) <= 1e-12*max(1, math.Abs(w))
}

func text(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}
