package scenario_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// way is one of the ways in which the same events reach the engine.
type way struct {
	name  string
	large bool // also for files with many events
	run   func(s setting, events []event) (site, error)
}

// setting is what a way does not change.
type setting struct {
	engine.Config
	// past says that instants before the newest event will be read. Then the broker is taken
	// to have stored everything when it all began, so that no detail is too old to be kept.
	// Else it stores each event when it happens.
	past bool
}

// site is the engines of all partitions.
type site []*engine.Engine

var seed = flag.Uint64("seed", 20260302, "of the disorder")

var ways = []way{
	{"in order", false, func(s setting, events []event) (site, error) {
		return apply(s, sorted(events))
	}},
	{"shuffled", false, func(s setting, events []event) (site, error) {
		return apply(s, shuffled(events))
	}},
	{"twice", false, func(s setting, events []event) (site, error) {
		return apply(s, slices.Concat(sorted(events), shuffled(events)))
	}},
	{"four partitions", true, func(s setting, events []event) (site, error) {
		var out site
		for p := range 4 {
			s.Partition, s.Partitions = uint16(p), 4
			part, err := apply(s, slices.DeleteFunc(sorted(events), func(ev event) bool {
				return kpi.Partition(ev.tenant, ev.key, 4) != p
			}))
			if err != nil {
				return nil, err
			}
			out = append(out, part...)
		}
		return out, nil
	}},
	{"restored midway", false, func(s setting, events []event) (site, error) {
		events = shuffled(events)
		middle := len(events) / 2
		first, err := apply(s, events[:middle])
		if err != nil {
			return nil, err
		}
		e, err := engine.Restore(s.Config, first[0].Snapshot())
		if err != nil {
			return nil, err
		}
		s.feed(e, events[middle:], uint64(middle))
		return site{e}, nil
	}},
}

func sorted(events []event) []event {
	out := slices.Clone(events)
	slices.SortStableFunc(out, func(a, b event) int { return int(a.at - b.at) })
	return out
}

func shuffled(events []event) []event {
	out := slices.Clone(events)
	rand.New(rand.NewPCG(*seed, 0)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func apply(s setting, events []event) (site, error) {
	e, err := engine.New(s.Config)
	if err != nil {
		return nil, err
	}
	s.feed(e, events, 0)
	return site{e}, nil
}

func (s *setting) feed(e *engine.Engine, events []event, sequence uint64) {
	var decoder kpi.Decoder
	for i := range events {
		pos := engine.Position{Sequence: sequence + uint64(i) + 1, Time: events[i].at}
		if s.past {
			pos.Time = 1000
		}
		err := decode(&decoder, events[i].wire, func(ev *kpi.Event) { e.Apply(ev, pos) })
		if err != nil {
			panic("scenario: internal error: an event that was decoded once is refused: " + err.Error())
		}
	}
}

// totals reads all partitions as of an instant, by each of the sets, and adds them up.
func (s site) totals(at int64, sets []kpi.Set) ([]kpi.Totals, error) {
	var sum []kpi.Totals
	index := map[string]int{}
	for _, e := range s {
		for _, set := range sets {
			list, err := e.ReadBy(at, set)
			if err != nil {
				return nil, err
			}
			for i := range list {
				k := fmt.Sprint(list[i].Tenant, list[i].Window, list[i].Group)
				if j, ok := index[k]; ok {
					add(&sum[j], &list[i])
				} else {
					index[k] = len(sum)
					sum = append(sum, clone(&list[i]))
				}
			}
		}
	}
	return sum, nil
}

func clone(t *kpi.Totals) kpi.Totals {
	out := *t
	out.Values, out.Openings = t.Values.Clone(), t.Openings.Clone()
	out.Oldest = slices.Clone(t.Oldest)
	return out
}

func add(sum, t *kpi.Totals) {
	sum.Values.Merge(t.Values)
	sum.Openings.Merge(t.Openings)
	for _, o := range t.Oldest {
		i := slices.IndexFunc(sum.Oldest, func(s kpi.OldestEntry) bool { return s.Measure == o.Measure })
		if i < 0 {
			sum.Oldest = append(sum.Oldest, o)
		} else {
			sum.Oldest[i].At = min(sum.Oldest[i].At, o.At)
		}
	}
	slices.SortFunc(sum.Oldest, func(a, b kpi.OldestEntry) int { return int(a.Measure) - int(b.Measure) })
}

// load makes the engine's configuration of a scenario's YAML, with all dimensions kept.
func (f *file) load(t *testing.T, name string) engine.Config {
	t.Helper()
	folder := t.TempDir()
	for file, text := range map[string]string{"deskpulse.yaml": f.configs[name], "kpis.yaml": f.kpis} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, _, err := config.Load(filepath.Join(folder, "deskpulse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if f.kpis != "" {
		c.KPIs = append(c.KPIs, "kpis.yaml")
	}
	if _, err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg, err := c.Engine()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Keep, cfg.Groups = 1<<(kpi.Novelty+1)-1, nil
	cfg.Partitions = 1
	cfg.NoHistory = !slices.ContainsFunc(f.asks, func(a *ask) bool { return a.list != "" })
	return cfg
}
