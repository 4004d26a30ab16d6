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

	"github.com/deskpulse/deskpulse/services/replay"
)

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
// truth_headline.py computed from the rows, and the times in each stage with a recount.
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
			t.Parallel()
			got := replayLog(t, partitions, want.At)
			for _, at := range want.At {
				compareInstant(t, got, at)
			}
			compareStages(t, got)
		})
	}
}

// logEnd is after the last row.
const logEnd = "2017-03-01T00:00:30Z"

// replayLog reads the log at the instants given and after its end.
func replayLog(t *testing.T, partitions int, instants []map[string]json.RawMessage) map[key]reading {
	c := replay.Command{
		Mapping:    mappingFile(t, "uci_incident_log.yaml"),
		Data:       []string{shared(t, "uci_incident_log", "incident_events.csv.gz")},
		Partitions: partitions,
	}
	c.Computing.KPI = []string{"response_time", "overdue_ratio", "repeat_incident_ratio", "stage_dwell_time", "slowest_stage"}
	c.Computing.Windows = []string{"24h", "7d", "30d", "all"}
	c.Computing.By = []string{"stage"}
	c.Computing.Target = map[string]time.Duration{"urgent": 4 * time.Hour, "high": 8 * time.Hour, "normal": 72 * time.Hour, "low": 120 * time.Hour}
	for _, at := range instants {
		c.Computing.At = append(c.Computing.At, instant(t, text(t, at["at"])))
	}
	c.Computing.At = append(c.Computing.At, instant(t, logEnd))
	return readings(t, c)
}

func text(t *testing.T, raw json.RawMessage) (s string) {
	t.Helper()
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// headline finds the key of a KPI that is named with its window: response_time_24h.
func headline(at, name string) key {
	k := key{at: at, tenant: "uci", kpi: name}
	for _, window := range []string{"24h", "7d", "30d"} {
		if kpi, ok := strings.CutSuffix(name, "_"+window); ok {
			k.kpi, k.window = kpi, window
		}
	}
	return k
}

func compareInstant(t *testing.T, got map[key]reading, instant map[string]json.RawMessage) {
	at := text(t, instant["at"])
	for name, raw := range instant {
		if name == "at" {
			continue
		}
		var want truth
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		r, ok := got[headline(at, name)]
		if !ok {
			t.Errorf("%s %s: no reading", at, name)
			continue
		}
		if strings.HasPrefix(name, "response_time") {
			compareTimes(t, at+" "+name, r, want)
			continue
		}
		if show(r.Numerator) != strconv.FormatInt(want.Numerator, 10) || show(r.Denominator) != strconv.FormatInt(want.Denominator, 10) {
			t.Errorf("%s %s = %s/%s, want %d/%d", at, name, show(r.Numerator), show(r.Denominator), want.Numerator, want.Denominator)
		}
		near(t, at+" "+name+" value", r.Value, want.Value, 0.5e-6)
	}
}

func compareTimes(t *testing.T, name string, r reading, want truth) {
	if show(r.Count) != strconv.FormatInt(want.Count, 10) {
		t.Errorf("%s: count %s, want %d", name, show(r.Count), want.Count)
	}
	if want.Count == 0 {
		near(t, name+" mean", r.Value, nil, 0)
		return
	}
	near(t, name+" mean", r.Value, &want.Mean, 0.5e-3)
	for quantile, w := range map[string]float64{"p50": want.P50, "p90": want.P90, "p95": want.P95} {
		q, ok := r.Quantiles[quantile]
		if !ok || math.Abs(number(t, q.String())-w) > 0.011*w {
			t.Errorf("%s %s = %v, want %v within 1.1 %%", name, quantile, q, w)
		}
	}
}

// near allows what the truth's rounding takes away.
func near(t *testing.T, name string, got *json.Number, want *float64, rounding float64) {
	t.Helper()
	switch {
	case got == nil && want == nil:
	case got == nil || want == nil:
		t.Errorf("%s = %s, want %v", name, show(got), want)
	case math.Abs(number(t, got.String())-*want) > rounding*1.001:
		t.Errorf("%s = %s, want %v", name, show(got), *want)
	}
}

// compareStages compares visits to stages with those that the rows tell of.
func compareStages(t *testing.T, got map[key]reading) {
	want := map[string]stay{}
	for _, list := range incidentRows(table(t, shared(t, "uci_incident_log", "incident_events.csv.gz"))) {
		countStages(t, list, want)
	}
	slowest := ""
	for stage, w := range want {
		r := got[key{logEnd, "uci", "stage_dwell_time", "all", "stage=" + stage}]
		if show(r.Count) != strconv.Itoa(w.visits) {
			t.Errorf("%s: %s visits, the rows say %d", stage, show(r.Count), w.visits)
		}
		mean := w.mean()
		if near(t, stage+" mean", r.Value, &mean, 1e-6); slowest == "" || mean > want[slowest].mean() {
			slowest = stage
		}
	}
	if r := got[key{logEnd, "uci", "slowest_stage", "all", ""}]; len(want) == 0 || r.Slowest != slowest {
		t.Errorf("the slowest stage is %q, the rows say %q", r.Slowest, slowest)
	}
}

// stay is how often and how long incidents were in a stage.
type stay struct {
	visits int
	time   time.Duration
}

func (s stay) mean() float64 { return s.time.Seconds() / float64(s.visits) }

// countStages follows one incident: a state lasts until the next one; resolved and closed
// are no stages.
func countStages(t *testing.T, list []map[string]string, count map[string]stay) {
	const layout = "2006-01-02T15:04:05"
	state, since := "", ""
	for _, row := range list {
		s, at := row["incident_state"], max(row["sys_updated_at"], row["opened_at"])
		if s == "-100" || s == state {
			continue
		}
		if state != "" && state != "Resolved" {
			from, err := time.Parse(layout, since)
			to, err2 := time.Parse(layout, at)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			visit := count[state]
			count[state] = stay{visit.visits + 1, visit.time + to.Sub(from)}
		}
		if state, since = s, at; s == "Closed" {
			return
		}
	}
}

// TestIncidentLogEvents counts the events that come out against a count of the rows
// that knows nothing of mappings.
func TestIncidentLogEvents(t *testing.T) {
	t.Parallel()
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
	count := map[string]int{}
	for _, list := range incidentRows(rows) {
		count["created"]++
		if list[0]["caller_id"] == "" {
			count["created without a customer"]++
		}
		countIncident(list, count)
	}
	return count
}

// incidentRows are the rows of each incident by time, and where that is equal in the
// order of the file.
func incidentRows(rows []map[string]string) map[string][]map[string]string {
	incidents := map[string][]map[string]string{}
	for _, row := range rows {
		incidents[row["number"]] = append(incidents[row["number"]], row)
	}
	for _, list := range incidents {
		slices.SortStableFunc(list, func(a, b map[string]string) int {
			return cmp.Compare(a["sys_updated_at"], b["sys_updated_at"])
		})
	}
	return incidents
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
