package scenario_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

var rewrite = flag.Bool("rewrite", false, "write what the engine says into the scenarios; check it by hand")

func TestScenarios(t *testing.T) {
	for _, name := range scenarios(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			t.Parallel()
			f := parse(t, name)
			play(t, name, f)
			if !*rewrite {
				return
			}
			if err := os.WriteFile(name, []byte(strings.Join(f.lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// many is how many events a file may have to be run in every way: with more, under the race
// detector, that takes minutes.
const many = 100_000

// play asks everything of a scenario in every way.
func play(t *testing.T, name string, f *file) {
	configs := map[string]engine.Config{}
	for config := range f.configs {
		configs[config] = f.load(t, config)
	}
	first := map[*ask][]string{} // what the first way says
	for _, w := range ways {
		if len(f.events) > many && !w.large {
			continue
		}
		sites := map[string]site{}
		for _, a := range f.asks {
			lines, rows, err := f.answer(w, a, configs[a.config], sites)
			if err != nil {
				t.Errorf("%s:%d: %s: %v", name, a.line, w.name, err)
				continue
			}
			if said, ok := first[a]; ok {
				if diff := cmp.Diff(said, lines); diff != "" {
					t.Errorf("%s:%d: in order (-), but %s (+), seed %d:\n%s", name, a.line, w.name, *seed, diff)
				}
				continue
			}
			first[a] = lines
			f.judge(t, name, a, lines, rows)
		}
	}
}

// judge compares what is expected with what the engine says.
func (f *file) judge(t *testing.T, name string, a *ask, lines []string, rows []row) {
	problems := a.compare(lines, rows)
	if len(problems) == 0 {
		return
	}
	if *rewrite {
		f.replace(a, lines)
		return
	}
	t.Errorf("%s:%d: %s\n  %s\nthe engine says\n\t%s", name, a.line, f.lines[a.line-1], strings.Join(problems, "\n  "), strings.Join(lines, "\n\t"))
}

// answer asks one thing in one way.
func (f *file) answer(w way, a *ask, cfg engine.Config, sites map[string]site) (lines []string, rows []row, err error) {
	s, err := f.site(w, a, cfg, sites)
	if err != nil {
		return nil, nil, err
	}
	if a.list != "" {
		lines, err = s.list(a)
		return lines, nil, err
	}
	sets, err := s.sets(a)
	if err != nil {
		return nil, nil, err
	}
	totals, err := s.totals(a.at, sets)
	if err != nil {
		return nil, nil, err
	}
	for _, set := range sets {
		if err := addsUp(totals, set); err != nil {
			return nil, nil, err
		}
	}
	rows = s.rows(a, totals)
	for i := range rows {
		lines = append(lines, rows[i].String())
	}
	return lines, rows, nil
}

// site applies the events that an ask knows. Sites that know all events are kept.
func (f *file) site(w way, a *ask, cfg engine.Config, sites map[string]site) (s site, err error) {
	events := f.events
	if a.live {
		events = slices.DeleteFunc(slices.Clone(events), func(ev event) bool { return ev.at >= a.at*1000 })
	}
	with := setting{cfg, slices.ContainsFunc(events, func(ev event) bool { return ev.at >= a.at*1000 })}
	key := fmt.Sprint(a.config, " ", with.past)
	if s, ok := sites[key]; ok && !a.live {
		return s, nil
	}
	if s, err = w.run(with, events); err == nil && !a.live {
		sites[key] = s
	}
	return s, err
}

// sets lists the breakdowns that a read needs: the whole, its own, and those that its
// KPIs always have.
func (s site) sets(a *ask) ([]kpi.Set, error) {
	sets := []kpi.Set{0, a.by}
	for _, key := range a.kpis {
		d, ok := s[0].Compiled().Catalogue.Find(key)
		if !ok {
			return nil, fmt.Errorf("kpi %q is not in the catalogue", key)
		}
		for _, names := range d.By {
			set, err := kpi.ParseSet(names)
			if err != nil {
				return nil, err
			}
			sets = append(sets, a.by|set)
		}
	}
	slices.Sort(sets)
	return slices.Compact(sets), nil
}

// rows evaluates what a read asks for.
func (s site) rows(a *ask, totals []kpi.Totals) (rows []row) {
	compiled := s[0].Compiled()
	readings := compiled.Readings(a.at, totals)
	for _, key := range a.kpis {
		d, _ := compiled.Catalogue.Find(key)
		windows := a.windows
		if !d.Windowed() {
			windows = []string{""}
		}
		for _, w := range windows {
			found := a.pick(d, w, readings)
			if len(found) == 0 && a.by == 0 {
				found = []row{{key: a.key(d, &kpi.Reading{Window: w}), kpi: d}}
			}
			rows = append(rows, found...)
		}
	}
	return rows
}

// pick returns the readings of one KPI in one window, without those of a breakdown that
// have no value or count nothing.
func (a *ask) pick(d *kpi.Definition, w string, readings []kpi.Reading) (rows []row) {
	for i := range readings {
		r := &readings[i]
		empty := r.Value.Value == nil || d.Formula == kpi.Plain && *r.Value.Value == 0
		if r.KPI == d.Key && r.Window == w && r.Group.Set == a.by && (a.by == 0 || !empty) {
			rows = append(rows, row{key: a.key(d, r), value: r.Value, kpi: d})
		}
	}
	return rows
}

// key is what tells a reading from the others of its read.
func (a *ask) key(d *kpi.Definition, r *kpi.Reading) string {
	var parts []string
	if len(a.kpis) > 1 {
		parts = append(parts, d.Key)
	}
	if len(a.windows) > 1 {
		parts = append(parts, r.Window)
	}
	for _, dim := range a.by.Dimensions() {
		value := r.Group.Dims[dim]
		if strings.Contains(value, " ") {
			value = `"` + value + `"`
		}
		parts = append(parts, dim.String()+"="+value)
	}
	return strings.Join(parts, " ")
}

// compare tells how the lines below an ask differ from the rows, or from the lines of a
// list.
func (a *ask) compare(lines []string, rows []row) (problems []string) {
	if a.list != "" {
		if diff := cmp.Diff(a.want, lines); diff != "" {
			problems = append(problems, diff)
		}
		return problems
	}
	met := map[string]bool{}
	for _, line := range a.want {
		i := slices.IndexFunc(rows, func(r row) bool { return r.key == "" || strings.HasPrefix(line, r.key+" ") })
		if i < 0 {
			problems = append(problems, "there is no "+line)
			continue
		}
		met[rows[i].key] = true
		tokens, err := split(strings.TrimPrefix(line, rows[i].key))
		if err == nil {
			err = rows[i].matches(tokens)
		}
		if err != nil {
			problems = append(problems, line+": "+err.Error())
		}
	}
	for i := range rows {
		if !met[rows[i].key] {
			problems = append(problems, "not expected: "+rows[i].String())
		}
	}
	return problems
}

// addsUp checks that the cells of a breakdown make the whole, in every window.
func addsUp(totals []kpi.Totals, by kpi.Set) error {
	whole, cells := map[string]*kpi.Totals{}, map[string]*kpi.Totals{}
	for i := range totals {
		t := &totals[i]
		key := t.Tenant + " " + t.Window
		switch {
		case t.Group.Set == 0:
			whole[key] = t
		case t.Group.Set == by && cells[key] != nil:
			add(cells[key], t)
		case t.Group.Set == by:
			sum := clone(t)
			cells[key] = &sum
		}
	}
	for key, sum := range cells {
		if diff := cmp.Diff(whole[key].Values, sum.Values); diff != "" {
			return fmt.Errorf("%s: the whole (-) is not the sum by %s (+), by slot:\n%s", key, by, diff)
		}
	}
	return nil
}
