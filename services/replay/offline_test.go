package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/process"
)

const deskMapping = `
tenant: acme
entity: row.id
fields: {ticket_id: "${row.id}", customer_id: "${row.customer}", team: "${row.team}", priority: high, category: mail}
events:
  - {kind: ticket, action: created, when: row.what == "created", at: row.at}
  - {kind: ticket, action: work_started, when: row.what == "started", at: row.at}
  - {kind: ticket, action: closed, when: row.what == "closed", at: row.at}
`

const desk = `id,customer,team,what,at
T1,C1,red,created,2020-01-01T10:00:00
T1,C1,red,started,2020-01-01T10:10:00
T2,C2,blue,created,2020-01-01T10:30:00
T3,C1,red,created,2020-01-01T11:00:00
T1,C1,red,closed,2020-01-01T12:00:00
`

// offlineLines returns what an offline replay of the desk prints, as "at kpi window
// team: numerator/denominator or count".
func offlineLines(t *testing.T, change func(*Command)) map[string]string {
	t.Helper()
	var out bytes.Buffer
	c := Command{
		Mapping: write(t, "m.yaml", deskMapping), Data: []string{write(t, "t.csv", desk)},
		Offline: true, Memory: 1, Stdout: &out, Stderr: &bytes.Buffer{},
	}
	c.Computing.Windows = []string{"1h"}
	c.Computing.KPI = []string{"response_time", "overdue_ratio", "repeat_incident_ratio"}
	c.Computing.Target = map[string]time.Duration{"High": 15 * time.Minute}
	change(&c)
	if err := c.Run(t.Context(), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(out.String()) {
		var r struct {
			At, KPI, Window               string
			By                            map[string]string
			Numerator, Denominator, Count int
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		value := fmt.Sprintf("%d/%d", r.Numerator, r.Denominator)
		if r.KPI == "response_time" {
			value = fmt.Sprint(r.Count)
		}
		name := []string{r.At[11:19], r.KPI}
		if r.Window != "" && r.Window != "1h" {
			name = append(name, r.Window)
		}
		got[strings.TrimSpace(strings.Join(append(name, r.By["team"]), " "))] = value
	}
	return got
}

func TestOffline(t *testing.T) {
	want := map[string]string{
		// T1 has been started, and the event at the instant itself is not seen.
		"10:30:00 response_time": "1", "10:30:00 overdue_ratio": "1/1", "10:30:00 repeat_incident_ratio": "0/1",
		// T2 is past its quarter of an hour, and C1 has two reports in the hour from 10:00.
		"11:00:01 response_time": "1", "11:00:01 overdue_ratio": "2/3", "11:00:01 repeat_incident_ratio": "1/2",
		// T1 is closed, T3 overdue; its report is alone in the hour from 11:00.
		"12:00:01 response_time": "0", "12:00:01 overdue_ratio": "2/2", "12:00:01 repeat_incident_ratio": "0/1",
	}
	at := func(c *Command, clocks ...string) {
		for _, clock := range clocks {
			instant, err := time.Parse(time.DateTime, "2020-01-01 "+clock)
			if err != nil {
				t.Fatal(err)
			}
			c.Computing.At = append(c.Computing.At, process.Instant{Time: instant})
		}
	}
	for _, p := range []int{1, 3} {
		got := offlineLines(t, func(c *Command) { at(c, "12:00:01", "10:30:00", "11:00:01", "11:00:01"); c.Partitions = p }) // in any order
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d partitions:\n got %v\nwant %v", p, got, want)
		}
	}
	// An hour later only minutes are told apart, and the report of T1 at 10:00 lies before
	// the hour from 10:01.
	restated := offlineLines(t, func(c *Command) { at(c, "10:30:00", "11:01:00", "12:00:01"); c.Computing.Restated = true })
	for _, key := range []string{"response_time", "overdue_ratio", "repeat_incident_ratio"} {
		want["11:01:00 "+key] = want["11:00:01 "+key]
		delete(want, "11:00:01 "+key)
	}
	want["11:01:00 repeat_incident_ratio"] = "0/2"
	if fmt.Sprint(restated) != fmt.Sprint(want) {
		t.Errorf("restated:\n got %v\nwant %v", restated, want)
	}
}

func TestOfflineByTeamEveryHour(t *testing.T) {
	got := offlineLines(t, func(c *Command) {
		c.Computing.By = []string{"team"}
		c.Computing.Every = Step(time.Hour)
	})
	for name, want := range map[string]string{
		"11:00:00 overdue_ratio": "2/2", "11:00:00 overdue_ratio red": "1/1", "11:00:00 overdue_ratio blue": "1/1",
		"12:00:00 overdue_ratio": "3/3", "13:00:00 overdue_ratio": "2/2", "13:00:00 overdue_ratio red": "1/1",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %s", name, got[name], want)
		}
	}
	if _, ok := got["10:00:00 overdue_ratio"]; ok {
		t.Error("there is a reading before the first event")
	}
	if _, ok := got["14:00:00 overdue_ratio"]; ok {
		t.Error("there is a reading beyond the step after the last event")
	}
}

func TestOfflineDefaultInstant(t *testing.T) {
	got := offlineLines(t, func(*Command) {})
	if got["12:00:01 overdue_ratio"] != "2/2" || len(got) != 3 {
		t.Errorf("got %v, want the three KPIs right after the last event", got)
	}
}

// In Tehran, 3½ hours ahead, 12 Dey 1398 begins at 20:30 UTC on 1 January 2020: T1 was
// raised and closed in the month of Dey, and 75 minutes before the midnight all are past
// their target.
func TestOfflineOnAFormerDay(t *testing.T) {
	file := write(t, "deskpulse.yaml", "periods: {zone: Asia/Tehran, calendar: solar_hijri}\n")
	own := write(t, "own.yaml", `
measures:
  tickets_of_red:
    from: [{of: ticket, at: created_at, where: team == "red"}]
kpis:
  - {key: red_share, names: {en: Of the red team}, type: flow, unit: ratio, shown_as: '%', direction: none, formula: ratio, numerator: tickets_of_red, denominator: tickets_raised, windows: [month]}
`)
	got := offlineLines(t, func(c *Command) {
		c.Computing.Config, c.Computing.Catalogue = file, []string{own}
		c.Computing.Windows, c.Computing.On = []string{"month", "24h"}, []string{"1398-10-12"}
		c.Computing.KPI = []string{"red_share", "problem_resolution_rate", "overdue_ratio"}
		c.Computing.Option = map[string]string{"overdue_until": "closed"}
	})
	want := map[string]string{
		"20:30:00 overdue_ratio":                 "2/2",
		"20:30:00 problem_resolution_rate 24h":   "1/3",
		"20:30:00 problem_resolution_rate month": "1/3",
		"20:30:00 red_share 24h":                 "2/3",
		"20:30:00 red_share month":               "2/3",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf(" got %v\nwant %v", got, want)
	}
}

func TestOfflineRefuses(t *testing.T) {
	for want, change := range map[string]func(*Command){
		`--kpi: "mood" is not in the catalogue`: func(c *Command) { c.Computing.KPI = []string{"mood"} },
		"--on 1 April is no date":               func(c *Command) { c.Computing.On = []string{"1 April"} },
		"--on: date 2019-02-29 does not exist":  func(c *Command) { c.Computing.On = []string{"2019-02-29"} },
		`option "mood" is unknown`:              func(c *Command) { c.Computing.Option = map[string]string{"mood": "good"} },
		`windows[0]: window "2y"`:               func(c *Command) { c.Computing.Windows = []string{"2y"} },
		`--by: dimension "mood" is unknown`:     func(c *Command) { c.Computing.By = []string{"mood"} },
	} {
		c := Command{Data: []string{"none.jsonl"}, Offline: true, Memory: 1, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}}
		change(&c)
		if err := c.Run(t.Context(), zap.NewNop()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestBadRowStops(t *testing.T) {
	c := Command{
		Mapping: write(t, "m.yaml", deskMapping), Data: []string{write(t, "t.csv", desk+"T9,C1,red,created,soon\n")},
		Events: true, Memory: 1, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{},
	}
	want := `t.csv: row 6 (line 7): ticket.created at "soon": is no time of the form iso: correct it, or add its form to time.formats (m.yaml:6: ` + "`row.at`)\ncorrect it, or leave bad rows out with --skip-bad"
	if err := c.Run(t.Context(), zap.NewNop()); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	c.SkipBad = true
	if err := c.Run(t.Context(), zap.NewNop()); err != nil {
		t.Errorf("with --skip-bad: %v", err)
	}
}

// TestRecordedEvents replays what --events printed, and must get what the table gave.
func TestRecordedEvents(t *testing.T) {
	var events bytes.Buffer
	c := Command{
		Mapping: write(t, "m.yaml", deskMapping), Data: []string{write(t, "t.csv", desk)},
		Events: true, Memory: 1, Stdout: &events, Stderr: &bytes.Buffer{},
	}
	if err := c.Run(t.Context(), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	want := offlineLines(t, func(*Command) {})
	got := offlineLines(t, func(c *Command) {
		c.Mapping, c.Data = "", []string{write(t, "e.jsonl", events.String())}
	})
	if len(got) != 3 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c.Mapping, c.Data = "", []string{write(t, "e.jsonl", events.String()+`{"id":"x"}`)}
	if err := c.Run(t.Context(), zap.NewNop()); err == nil || !strings.HasPrefix(err.Error(), "e.jsonl: row 6: ") {
		t.Errorf("error %v, want one about row 6", err)
	}
}
