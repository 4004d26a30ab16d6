package scenario_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// TestNotation: a line of a scenario is the event that a publisher would send.
func TestNotation(t *testing.T) {
	log := newLog()
	for i, line := range []string{
		`2026-03-02T09:00+03:30 ticket T1 created customer=anna service=S1 team="second line" labels.campaign=spring due_resolution=2026-03-02T12:00Z`,
		`2026-03-02T09:00:00.250Z ticket T1 replied role=agent public=false`,
		`2026-03-02T10:00Z cost wages amount=12.5 currency=EUR purposes=service,calls`,
		`2026-03-02T10:00Z agent sara busy`,
		`2026-03-02T11:00Z void e0002 kind=ticket entity=T1`,
	} {
		if err := log.add(i+1, line); err != nil {
			t.Fatal(err)
		}
	}
	var got []kpi.Event
	for _, ev := range log.events {
		var d kpi.Decoder
		if err := decode(&d, ev.wire, func(ev *kpi.Event) { got = append(got, *ev) }); err != nil {
			t.Fatal(err)
		}
	}
	const day = 1772409600000 // 2026-03-02T00:00Z
	want := []kpi.Event{
		{
			Kind: kpi.Ticket, Action: kpi.TicketCreated, ID: "e0001", Tenant: "acme", At: day + 5.5*3600e3, Customer: "anna", Service: "S1",
			Dims: kpi.Dims{kpi.Team: "second line"}, Labels: []kpi.Label{{Name: "campaign", Value: "spring"}}, Entity: "T1", DueResolution: day + 12*3600e3,
		},
		{
			Kind: kpi.Ticket, Action: kpi.TicketReplied, Role: kpi.RoleAgent, ID: "e0002", Tenant: "acme", At: day + 9*3600e3 + 250,
			Key: "anna", Entity: "T1", Public: kpi.False,
		},
		{
			Kind: kpi.Cost, ID: "e0003", Tenant: "acme", At: day + 10*3600e3, Entity: "wages", Amount: 125000, Currency: "EUR",
			Purposes: []string{"service", "calls"}, PeriodStart: got[2].PeriodStart, PeriodEnd: got[2].PeriodEnd, Basis: got[2].Basis,
		},
		{Kind: kpi.Agent, Action: got[3].Action, ID: "e0004", Tenant: "acme", At: day + 10*3600e3, Dims: kpi.Dims{kpi.AgentName: "sara"}, Entity: "sara"},
		{Kind: kpi.Void, ID: "e0005", Tenant: "acme", At: day + 11*3600e3, Key: "anna", Entity: "T1", VoidEvent: "e0002", VoidKind: kpi.Ticket},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRepetition: "x 3 every 10m" makes three events with numbers in their ids.
func TestRepetition(t *testing.T) {
	log := newLog()
	if err := log.add(7, "2026-03-02T09:00Z ticket T# created customer=c-# x 3 every 10m"); err != nil {
		t.Fatal(err)
	}
	last := log.events[2]
	if len(log.events) != 3 || last.key != "c-3" || last.at-log.events[0].at != 20*60*1000 {
		t.Errorf("%d events, the last of %q after %d ms", len(log.events), last.key, last.at-log.events[0].at)
	}
}

// TestMistakes: each is refused with its line and what to do.
func TestMistakes(t *testing.T) {
	const read = "read 2026-03-02T10:00Z kpi=open_tickets\n\t0\n"
	for text, want := range map[string]string{
		"2026-03-02T09:00Z ticket T1 created costumer=anna\n" + read: `line 1: ticket has no field "costumer"`,
		"2026-03-02T09:00Z ticket T1 made\n" + read:                  `line 1: ticket.action "made" is unknown`,
		"2026-03-02 ticket T1 created\n" + read:                      `line 1: "2026-03-02" is no time`,
		"2026-03-02T09:00Z tickets T1 created\n" + read:              `line 1: "tickets" is no kind`,
		"2026-03-02T09:00Z ticket T1 created x many\n" + read:        `line 1: x "many" is no number`,
		"# prose\nsome words\n" + read:                               `line 2: "some" is no statement`,
		"\tx\n" + read:                                               `line 1: "\tx" belongs to no statement`,
		"read 2026-03-02T10:00Z window=24h\n\t0\n":                   "line 1: the read names no kpi",
		"read 2026-03-02T10:00Z kpi=a config=b\n\t0\n":               `line 1: there is no config "b"`,
		"# nothing\n":                          "nothing is read",
		`read 2026-03-02T10:00Z kpi="a` + "\n": "line 1: a quote is not closed",
	} {
		if _, err := parseFile(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s …", text, err, want)
		}
	}
}

// TestMatching: what may stand below a read, and what is noticed.
func TestMatching(t *testing.T) {
	number := func(f float64) *float64 { return &f }
	ratio := row{value: kpi.Value{Value: number(1. / 3), Numerator: number(1), Denominator: number(3), Immature: number(2)}, kpi: &kpi.Definition{Formula: kpi.Ratio}}
	spread := row{value: kpi.Value{Value: number(70), Count: 3, Quantiles: map[string]float64{"p95": 3600}}, kpi: &kpi.Definition{Formula: kpi.Distribution, Unit: "seconds"}}
	none := row{kpi: &kpi.Definition{Formula: kpi.Ratio}}
	for _, c := range []struct {
		row  *row
		line string
		ok   bool
	}{
		{&ratio, "1/3", true},
		{&ratio, "1/3 immature=2", true},
		{&ratio, "1/3 immature=1", false},
		{&ratio, "2/6", false},
		{&ratio, "1/2", false},
		{&ratio, "–", false},
		{&ratio, "", false},
		{&spread, "1m10s n=3 p95=1h", true},
		{&spread, "210/3 n=3", true},
		{&spread, "70s p95=3601s", true},
		{&spread, "70s p95=3700s", false},
		{&spread, "70s n=2", false},
		{&spread, "71s", false},
		{&spread, "70s p20=1s", false},
		{&none, "–", true},
		{&none, "0/0", true},
		{&none, "0/1", false},
		{&none, "0", false},
	} {
		tokens, err := split(c.line)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.row.matches(tokens); (err == nil) != c.ok {
			t.Errorf("%q for %s: %v", c.line, c.row, err)
		}
	}
	if got, want := spread.String(), "1m10s n=3 p95=1h"; got != want {
		t.Errorf("written as %q, want %q", got, want)
	}
}

var reads = regexp.MustCompile(`(?m)^read .*\bkpi=(\S+)`)

// TestEveryKPI: each KPI of the catalogue is read in some scenario.
func TestEveryKPI(t *testing.T) {
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, name := range scenarios(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, keys := range reads.FindAllStringSubmatch(string(text), -1) {
			for key := range strings.SplitSeq(keys[1], ",") {
				read[key] = true
			}
		}
	}
	for i := range catalogue.KPIs {
		if key := catalogue.KPIs[i].Key; !read[key] {
			t.Errorf("no scenario reads %s: add it to one", key)
		}
	}
}

// scenarios lists the files.
func scenarios(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	return names
}

func parse(t *testing.T, name string) *file {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseFile(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}
