package replay_test

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/services/replay"
)

// reading is a line of an offline replay.
type reading struct {
	At          string             `json:"at"`
	Tenant      string             `json:"tenant"`
	KPI         string             `json:"kpi"`
	Window      string             `json:"window"`
	By          map[string]string  `json:"by"`
	Value       *float64           `json:"value"`
	Numerator   int64              `json:"numerator"`
	Denominator int64              `json:"denominator"`
	Count       int64              `json:"count"`
	Quantiles   map[string]float64 `json:"quantiles"`
}

// truth is one entry of an instant of TRUTH_headline.json.
type truth struct {
	Numerator   int64    `json:"numerator"`
	Denominator int64    `json:"denominator"`
	Value       *float64 `json:"value"`
	Count       int64    `json:"count"`
	Mean        float64  `json:"mean"`
	P50         float64  `json:"p50"`
	P90         float64  `json:"p90"`
	P95         float64  `json:"p95"`
}

// TestIncidentLog replays all rows and compares the three headline KPIs with what
// truth_headline.py computed from the rows.
func TestIncidentLog(t *testing.T) {
	var want struct {
		At []map[string]json.RawMessage `json:"at"`
	}
	readJSON(t, shared(t, "uci_incident_log", "TRUTH_headline.json"), &want)
	if len(want.At) != 6 {
		t.Fatalf("TRUTH_headline.json has %d instants, want 6", len(want.At))
	}
	for _, partitions := range []int{1, 4} {
		t.Run(strconv.Itoa(partitions)+" partitions", func(t *testing.T) {
			got := readings(t, partitions, want.At)
			for _, instant := range want.At {
				compareInstant(t, got, instant)
			}
		})
	}
}

// readings runs the replay and indexes what it prints by instant, KPI and window.
func readings(t *testing.T, partitions int, instants []map[string]json.RawMessage) map[string]reading {
	c := replay.Command{
		Mapping: mappingFile(t, "uci_incident_log.yaml"), Data: []string{shared(t, "uci_incident_log", "incident_events.csv.gz")},
		Offline: true, Partitions: partitions,
	}
	c.Computing.Windows = []string{"24h", "7d", "30d"}
	c.Computing.Target = map[string]time.Duration{"urgent": 4 * time.Hour, "high": 8 * time.Hour, "normal": 72 * time.Hour, "low": 120 * time.Hour}
	for _, instant := range instants {
		at, err := time.Parse(time.RFC3339, text(t, instant["at"]))
		if err != nil {
			t.Fatal(err)
		}
		c.Computing.At = append(c.Computing.At, process.Instant{Time: at})
	}
	got := map[string]reading{}
	lines(t, c, func(line []byte) {
		var r reading
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if r.Tenant != "uci" || len(r.By) > 0 {
			t.Fatalf("unexpected reading %s", line)
		}
		got[strings.TrimSuffix(r.At+" "+r.KPI+"_"+r.Window, "_")] = r
	})
	return got
}

func text(t *testing.T, raw json.RawMessage) (s string) {
	t.Helper()
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func compareInstant(t *testing.T, got map[string]reading, instant map[string]json.RawMessage) {
	at := text(t, instant["at"])
	for name, raw := range instant {
		if name == "at" {
			continue
		}
		var want truth
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		r, ok := got[at+" "+name]
		if !ok {
			t.Errorf("%s %s: no reading", at, name)
			continue
		}
		if strings.HasPrefix(name, "response_time") {
			compareTimes(t, at+" "+name, r, want)
			continue
		}
		if r.Numerator != want.Numerator || r.Denominator != want.Denominator {
			t.Errorf("%s %s = %d/%d, want %d/%d", at, name, r.Numerator, r.Denominator, want.Numerator, want.Denominator)
		}
		near(t, at+" "+name+" value", r.Value, want.Value, 0.5e-6)
	}
}

func compareTimes(t *testing.T, name string, r reading, want truth) {
	if r.Count != want.Count {
		t.Errorf("%s: count %d, want %d", name, r.Count, want.Count)
	}
	if want.Count == 0 {
		near(t, name+" mean", r.Value, nil, 0)
		return
	}
	near(t, name+" mean", r.Value, &want.Mean, 0.5e-3)
	for quantile, w := range map[string]float64{"p50": want.P50, "p90": want.P90, "p95": want.P95} {
		q, ok := r.Quantiles[quantile]
		if !ok || math.Abs(q-w) > 0.011*w {
			t.Errorf("%s %s = %v, want %v within 1.1 %%", name, quantile, q, w)
		}
	}
}

// near allows what the truth's rounding takes away.
func near(t *testing.T, name string, got, want *float64, rounding float64) {
	t.Helper()
	if (got == nil) != (want == nil) || got != nil && math.Abs(*got-*want) > rounding*1.001 {
		t.Errorf("%s = %v, want %v", name, show(got), show(want))
	}
}

func show(x *float64) any {
	if x == nil {
		return "none"
	}
	return *x
}

// TestIncidentLogEvents counts the events that come out against a count of the rows
// that knows nothing of mappings.
func TestIncidentLogEvents(t *testing.T) {
	data := shared(t, "uci_incident_log", "incident_events.csv.gz")
	want := countRows(table(t, data))
	got := map[string]int{}
	var last string
	lines(t, replay.Command{Mapping: mappingFile(t, "uci_incident_log.yaml"), Data: []string{data}, Events: true}, func(line []byte) {
		var ev struct {
			OccurredAt string `json:"occurred_at"`
			CustomerID string `json:"customer_id"`
			Ticket     struct{ Action string }
		}
		if err := json.Unmarshal(line, &ev); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if ev.OccurredAt < last {
			t.Fatalf("%s comes after %s", line, last)
		}
		last = ev.OccurredAt
		got[ev.Ticket.Action]++
		if ev.Ticket.Action == "created" && ev.CustomerID == "" {
			got["created without a customer"]++
		}
	})
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %d events, the rows say %d", name, got[name], n)
		}
	}
	if want["created"] != 24918 || want["closed"] != 24918 || want["created without a customer"] != 3 {
		t.Errorf("the recount says %v; PROVENANCE.md has 24,918 incidents, all of them closed in the end", want)
	}
}

// countRows follows the definitions in truth_headline.py.
func countRows(rows []map[string]string) map[string]int {
	incidents := map[string][]map[string]string{}
	for _, row := range rows {
		incidents[row["number"]] = append(incidents[row["number"]], row)
	}
	count := map[string]int{}
	for _, list := range incidents {
		count["created"]++
		if list[0]["caller_id"] == "" {
			count["created without a customer"]++
		}
		slices.SortStableFunc(list, func(a, b map[string]string) int {
			ra, _ := strconv.Atoi(a["row"])
			rb, _ := strconv.Atoi(b["row"])
			return cmp.Or(cmp.Compare(a["sys_updated_at"], b["sys_updated_at"]), cmp.Compare(ra, rb))
		})
		countIncident(list, count)
	}
	return count
}

func countIncident(list []map[string]string, count map[string]int) {
	state, started := "New", false
	for _, row := range list {
		s := row["incident_state"]
		if s == "-100" || s == state {
			continue
		}
		waits, waited := strings.HasPrefix(s, "Awaiting"), strings.HasPrefix(state, "Awaiting")
		switch {
		case waits && !waited:
			count["waiting"]++
		case waited && !waits:
			count["resumed"]++
		}
		if state == "Resolved" && s != "Closed" {
			count["reopened"]++
		}
		if !started {
			started = true
			count["work_started"]++
		}
		state = s
		switch s {
		case "Resolved":
			count["resolved"]++
		case "Closed":
			count["closed"]++
			return
		}
	}
}
