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

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

var rewrite = flag.Bool("rewrite", false, "write what the engine says into the scenarios; check it by hand")

func TestScenarios(t *testing.T) {
	for _, name := range scenarios(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
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

// play asks everything of a scenario in every way.
func play(t *testing.T, name string, f *file) {
	first := map[*ask][]string{} // what the first way says
	for _, w := range ways {
		sites := map[string]site{}
		for _, a := range f.asks {
			lines, rows, err := f.answer(t, w, a, sites)
			if err != nil {
				t.Errorf("%s:%d: %s: %v", name, a.line, w.name, err)
				continue
			}
			if said, ok := first[a]; ok {
				if diff := cmp.Diff(said, lines); diff != "" {
					t.Errorf("%s:%d: in order (-), but %s (+), seed %d:\n%s", name, a.line, w.name, seed, diff)
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

// answer asks one thing in one way. Sites that know all events are kept, by their
// configuration.
func (f *file) answer(t *testing.T, w way, a *ask, sites map[string]site) (lines []string, rows []row, err error) {
	s, ok := sites[a.config]
	if !ok || a.live {
		events := f.events
		if a.live {
			events = slices.DeleteFunc(slices.Clone(events), func(ev event) bool { return ev.at >= a.at*1000 })
		}
		if s, err = w.run(f.load(t, a.config), events); err != nil {
			return nil, nil, err
		}
		if !a.live {
			sites[a.config] = s
		}
	}
	if a.list != "" {
		lines, err = s.list(a)
		return lines, nil, err
	}
	totals, err := s.totals(a.at, a.by)
	if err != nil {
		return nil, nil, err
	}
	if err := addsUp(totals, a.by); err != nil {
		return nil, nil, err
	}
	if rows, err = s.rows(a, totals); err != nil {
		return nil, nil, err
	}
	for i := range rows {
		lines = append(lines, rows[i].String())
	}
	return lines, rows, nil
}

// rows evaluates what a read asks for.
func (s site) rows(a *ask, totals []kpi.Totals) (rows []row, err error) {
	compiled := s[0].Compiled()
	readings := compiled.Readings(a.at, totals)
	for _, key := range a.kpis {
		d, ok := compiled.Catalogue.Find(key)
		if !ok {
			return nil, fmt.Errorf("kpi %q is not in the catalogue", key)
		}
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
	return rows, nil
}

// pick returns the readings of one KPI in one window, without those of a breakdown that
// have no value.
func (a *ask) pick(d *kpi.Definition, w string, readings []kpi.Reading) (rows []row) {
	for i := range readings {
		r := &readings[i]
		if r.KPI == d.Key && r.Window == w && r.Group.Set == a.by && (a.by == 0 || r.Value.Value != nil) {
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
	whole, cells := map[string]kpi.Totals{}, map[string]kpi.Totals{}
	for i := range totals {
		into := cells
		if totals[i].Group.Set == 0 {
			into = whole
		}
		key := totals[i].Tenant + " " + totals[i].Window
		if sum, ok := into[key]; ok {
			add(&sum, &totals[i])
			into[key] = sum
		} else {
			into[key] = clone(&totals[i])
		}
	}
	for key := range whole {
		if by == 0 {
			break
		}
		if diff := cmp.Diff(whole[key].Values, cells[key].Values); diff != "" {
			return fmt.Errorf("%s: the whole (-) is not the sum by %s (+), by slot:\n%s", key, by, diff)
		}
	}
	return nil
}
