package simulate

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// A demonstration shows every KPI: after a quarter of an hour of history at the usual pace
// each has a value in some window of its own.
func TestEveryKPIHasAValue(t *testing.T) {
	cfg, err := config.Default().Engine()
	if err != nil {
		t.Fatal(err)
	}
	cfg.NoHistory = true
	e, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, time.January, 20, 9, 0, 0, 0, time.UTC)
	const span = 15 * time.Minute
	var dec kpi.Decoder
	for i, p := range run(t, Config{Tenant: "demo", Seed: 1, Rate: 20, Pace: 60, Start: start, Clock: deskMorning}, span) {
		data, err := proto.Marshal(p.ev)
		if err != nil {
			t.Fatal(err)
		}
		dec.Decode(kpi.Envelope{}, data, func(ev *kpi.Event, _ []byte, err error) {
			if err != nil {
				t.Fatal(err)
			}
			if out := e.Apply(ev, engine.Position{Sequence: uint64(i + 1), Time: p.at.UnixMilli()}); out == engine.Conflict || out == engine.Unused {
				t.Fatalf("%v is %s", p.ev, out)
			}
		})
	}
	at := start.Add(span).Unix()
	totals, err := e.Read(at)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]bool{}
	for _, r := range e.Compiled().Readings(at, totals) {
		d, _ := e.Compiled().Catalogue.Find(r.KPI)
		shown := !d.Windowed() || slices.Contains(d.Windows, r.Window)
		values[r.KPI] = values[r.KPI] || shown && r.Value.Value != nil && *r.Value.Value != 0
	}
	for _, d := range e.Compiled().Catalogue.KPIs {
		// Calls wait for less than a second at this pace: often none does.
		if !values[d.Key] && d.Key != "calls_waiting" && d.Key != "longest_wait" {
			t.Errorf("%s has no value, or 0", d.Key)
		}
	}
}
