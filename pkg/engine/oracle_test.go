package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/sla"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// The oracle computes the three headline KPIs from a list of events, straight from
// their definitions and as slowly as it likes. It shares no code with the engine but the
// nouns; windows are given by name, length and bucket.

var oracleWindows = []struct {
	name           string
	length, bucket int64
}{
	{"1m", 60, 1}, {"15m", 900, 1}, {"1h", 3600, 60}, {"24h", 86400, 60}, {"7d", 7 * 86400, 3600}, {"all", 0, 0},
}

func lower(w int, at int64) int64 { // inclusive, in ms
	if oracleWindows[w].length == 0 {
		return math.MinInt64
	}
	b := oracleWindows[w].bucket
	return (at - oracleWindows[w].length) / b * b * 1000
}

func sortEvents(events []kpi.Event) {
	slices.SortFunc(events, func(a, b kpi.Event) int {
		if a.At != b.At {
			return int(a.At - b.At)
		}
		return int(a.Sequence - b.Sequence)
	})
}

func uniq(events []kpi.Event) (out []kpi.Event) {
	seen := map[string]bool{}
	for _, ev := range events {
		if !seen[ev.ID] {
			seen[ev.ID] = true
			out = append(out, ev)
		}
	}
	sortEvents(out)
	voided := map[string]bool{}
	for _, ev := range out {
		if ev.Kind == kpi.Void {
			voided[ev.VoidEvent] = true
		}
	}
	return slices.DeleteFunc(out, func(ev kpi.Event) bool { return ev.Kind == kpi.Void || voided[ev.ID] })
}

type oracleReport struct {
	incident string
	at       int64
	team     string
}

type oracleResult struct {
	open, overdue int
	responses     map[int][]int64 // by window, ms
	reported      map[int]int
	repeated      map[int]int
}

var oracleTargets = map[string]int64{"high": 1000 * 1000, "low": 5000 * 1000}

// oracle evaluates for the team, or for all where team is "*".
func oracle(events []kpi.Event, at int64, team string) oracleResult {
	res := oracleResult{responses: map[int][]int64{}, reported: map[int]int{}, repeated: map[int]int{}}
	entities := map[string][]kpi.Event{}
	for _, ev := range uniq(events) {
		k := ev.Kind.String() + "/" + ev.Entity
		entities[k] = append(entities[k], ev)
	}
	created := map[string]int64{}
	incidentOf := map[string]string{}
	var reports []oracleReport
	for key, evs := range entities {
		if !strings.HasPrefix(key, "ticket/") {
			continue
		}
		oracleTicketAt(&res, evs, at, team, key[7:], created, incidentOf, &reports)
	}
	for key, evs := range entities {
		if !strings.HasPrefix(key, "ticket/") {
			oracleContact(&res, evs, at, team, created, incidentOf, &reports)
		}
	}
	oracleRepeats(&res, reports, at, team)
	return res
}

func oracleTicketAt(res *oracleResult, evs []kpi.Event, at int64, team, id string, created map[string]int64, incidentOf map[string]string, reports *[]oracleReport) {
	is := func(a kpi.Action) func(kpi.Event) bool { return func(e kpi.Event) bool { return e.Action == a } }
	if slices.ContainsFunc(evs, is(kpi.TicketDeleted)) {
		return
	}
	c := slices.IndexFunc(evs, is(kpi.TicketCreated))
	if c < 0 {
		return
	}
	birth := evs[c]
	teamAt := func(i int) string { // as of event i
		t := ""
		for _, ev := range evs[:i+1] {
			if ev.Dims[kpi.Team] != "" {
				t = ev.Dims[kpi.Team]
			}
		}
		return t
	}
	valueAt := func(ms int64, d kpi.Dimension) string { // as of an instant, exclusive
		v := ""
		for _, ev := range evs {
			if ev.At < ms && ev.Dims[d] != "" {
				v = ev.Dims[d]
			}
		}
		return v
	}
	created[id] = birth.At
	// first handling
	if !slices.ContainsFunc(evs, is(kpi.TicketMerged)) {
		for i, ev := range evs {
			person := ev.Role == kpi.RoleAgent || ev.Role == kpi.RoleUnspecified
			if ev.Action == kpi.TicketWorkStarted || ev.Action == kpi.TicketReplied && person && ev.Public != kpi.False ||
				ev.Action == kpi.TicketResolved || ev.Action == kpi.TicketClosed && ev.WithResolution != kpi.False {
				// A handling that precedes the creation in order gets the dimensions known
				// at the creation.
				owner := teamAt(max(i, c))
				for w := range oracleWindows {
					if ev.At >= lower(w, at) && ev.At < at*1000 && (team == "*" || owner == team) {
						res.responses[w] = append(res.responses[w], max(0, ev.At-birth.At))
					}
				}
				break
			}
		}
	}
	// state at each millisecond boundary of interest: walk the segments
	var open, resolved, waiting, seen bool
	var running, since, due int64
	target := func(ms int64) int64 { return oracleTargets[valueAt(ms, kpi.Priority)] }
	category := ""
	for i, ev := range evs {
		if ev.Dims[kpi.Category] != "" && i <= c {
			category = ev.Dims[kpi.Category]
		}
	}
	incident := birth.Incident
	if incident == "" {
		incident = "category:" + category
	}
	wrong := birth.Incident != "" || birth.Type == kpi.TypeUnspecified || birth.Type == kpi.TypeIncident || birth.Type == kpi.TypeProblem
	if birth.Customer != "" && wrong {
		incidentOf[id] = birth.Customer + "|" + incident
	}
	for i, ev := range evs {
		byCustomer := ev.Role == kpi.RoleUnspecified || ev.Role == kpi.RoleCustomer
		if inc, ok := incidentOf[id]; ok && byCustomer && (i == c || i > c && ev.Action == kpi.TicketReopened) {
			*reports = append(*reports, oracleReport{inc, ev.At, teamAt(i)})
		}
	}
	closed := false
	for _, ev := range evs {
		if ev.At >= at*1000 {
			break
		}
		if seen && open && !resolved && !waiting {
			running += ev.At - since
		}
		since = ev.At
		if ev.DueResolution != 0 {
			due = ev.DueResolution
		}
		switch ev.Action {
		case kpi.TicketCreated:
			if !seen {
				seen, open = true, !closed
			}
		case kpi.TicketWaiting:
			waiting = true
		case kpi.TicketResumed:
			waiting = false
		case kpi.TicketResolved:
			resolved, waiting = true, false
		case kpi.TicketReopened:
			resolved, waiting, closed = false, false, false
			open = seen
		case kpi.TicketClosed, kpi.TicketCancelled, kpi.TicketMerged:
			if ev.Action == kpi.TicketClosed && ev.WithResolution != kpi.False {
				resolved = true
			}
			open, waiting, closed = false, false, true
		}
	}
	if !seen || !open || team != "*" && valueAt(at*1000, kpi.Team) != team {
		return
	}
	res.open++
	if resolved {
		return
	}
	if !waiting {
		running += at*1000 - since
	}
	limit := target(at * 1000)
	if due != 0 && at*1000 > due || due == 0 && limit != 0 && running > limit {
		res.overdue++
	}
}

func oracleContact(res *oracleResult, evs []kpi.Event, at int64, team string, created map[string]int64, incidentOf map[string]string, reports *[]oracleReport) {
	var customer, incident, ticket, owner string
	var raised, raisedTeam = int64(0), ""
	var direction kpi.Direction
	answered := int64(0)
	answeredBy := ""
	duplicate := false
	for _, ev := range evs {
		first := func(dst *string, v string) {
			if *dst == "" {
				*dst = v
			}
		}
		first(&customer, ev.Customer)
		first(&incident, ev.Incident)
		first(&ticket, ev.Ticket)
		if ev.Dims[kpi.Team] != "" {
			owner = ev.Dims[kpi.Team]
		}
		if direction == 0 {
			direction = ev.Direction
		}
		duplicate = duplicate || ev.DuplicateOf != ""
		if raised == 0 && (ev.Kind == kpi.Call && ev.Action == kpi.CallOffered || ev.Kind == kpi.Complaint && ev.Action == kpi.ComplaintReceived) {
			raised, raisedTeam = ev.At, owner
		}
		if answered == 0 && ev.Kind == kpi.Call && ev.Action == kpi.CallAnswered && (ev.Role == kpi.RoleAgent || ev.Role == kpi.RoleUnspecified) {
			answered, answeredBy = ev.At, owner
		}
	}
	if raised == 0 || direction == kpi.Outbound {
		return
	}
	if answered != 0 && (team == "*" || answeredBy == team) {
		for w := range oracleWindows {
			if answered >= lower(w, at) && answered < at*1000 {
				res.responses[w] = append(res.responses[w], max(0, answered-raised))
			}
		}
	}
	if customer == "" || duplicate {
		return
	}
	t, known := created[ticket]
	if known && t >= raised {
		return
	}
	switch {
	case incident != "":
		*reports = append(*reports, oracleReport{customer + "|" + incident, raised, raisedTeam})
	case known && incidentOf[ticket] != "":
		*reports = append(*reports, oracleReport{incidentOf[ticket], raised, raisedTeam})
	}
}

func oracleRepeats(res *oracleResult, reports []oracleReport, at int64, team string) {
	for w := range oracleWindows {
		count := map[string]int{}
		latest := map[string]oracleReport{}
		for _, r := range reports {
			if r.at >= lower(w, at) && r.at < at*1000 {
				count[r.incident]++
				if r.at >= latest[r.incident].at {
					latest[r.incident] = r
				}
			}
		}
		for inc, n := range count {
			if team != "*" && latest[inc].team != team {
				continue
			}
			res.reported[w]++
			if n >= 2 {
				res.repeated[w]++
			}
		}
	}
}

const testStart = 1_700_000_000 // Unix seconds

// history draws believable and unbelievable events. All times within an entity differ,
// so that no order is left to the hash of ids; times of one incident's reports differ.
func history(r *rand.Rand, n int) []kpi.Event {
	var out []kpi.Event
	used := map[int64]bool{}
	clock := func(span int64) int64 {
		for {
			t := testStart*1000 + r.Int64N(span*1000)
			if r.IntN(3) == 0 {
				t = t / 60000 * 60000 // on the minute, where edges are
			}
			if !used[t] {
				used[t] = true
				return t
			}
		}
	}
	pick := func(options ...string) string { return options[r.IntN(len(options))] }
	span := int64(3 * 86400)
	if r.IntN(2) == 0 {
		span = 4000
	}
	entities := max(1, n/6)
	for i := range n {
		ev := kpi.Event{ID: fmt.Sprintf("e%d", i), Tenant: "t", At: clock(span)}
		ev.Dims[kpi.Team] = pick("", "red", "blue", "green")
		who := r.IntN(entities)
		customer := fmt.Sprintf("c%d", who%3)
		switch r.IntN(8) {
		case 0:
			ev.Kind, ev.Entity = kpi.Call, fmt.Sprintf("k%d", who)
			ev.Action = kpi.Action(1 + r.IntN(7))
			ev.Customer = customer
			ev.Incident = pick("", "", "i1")
			ev.Ticket = pick("", fmt.Sprintf("T%d", who))
			ev.Role = kpi.Role(r.IntN(4))
			if r.IntN(5) == 0 {
				ev.Direction = kpi.Outbound
			}
		case 1:
			ev.Kind, ev.Entity = kpi.Complaint, fmt.Sprintf("p%d", who)
			ev.Action = kpi.Action(1 + r.IntN(5))
			ev.Customer = customer
			ev.Ticket = pick("", fmt.Sprintf("T%d", who))
			if r.IntN(6) == 0 {
				ev.DuplicateOf = "p0"
			}
		default:
			ev.Kind, ev.Entity = kpi.Ticket, fmt.Sprintf("T%d", who)
			ev.Action = kpi.Action(1 + r.IntN(13))
			if r.IntN(4) == 0 {
				ev.Action = kpi.TicketCreated
			}
			if r.IntN(40) == 0 {
				ev.Action = kpi.TicketDeleted
			}
			if ev.Action == kpi.TicketMerged && r.IntN(4) != 0 {
				ev.Action = kpi.TicketReopened
			}
			ev.Role = kpi.Role(r.IntN(6))
			ev.Public = kpi.Tri(r.IntN(3))
			ev.WithResolution = kpi.Tri(r.IntN(3))
			ev.Dims[kpi.Priority] = pick("", "high", "low", "none")
			ev.Dims[kpi.Category] = pick("", "x", "y")
			ev.Incident = pick("", "", "i1")
			ev.Type = kpi.TicketType(r.IntN(6))
			ev.Customer = pick(customer, customer, "")
			if r.IntN(10) == 0 {
				ev.DueResolution = testStart*1000 + r.Int64N(span*1000)
			}
		}
		out = append(out, ev)
		if r.IntN(25) == 0 && i > 0 {
			v := out[r.IntN(i)]
			if v.Kind != kpi.Void {
				out = append(out, kpi.Event{ID: fmt.Sprintf("v%d", i), Tenant: "t", Kind: kpi.Void, At: clock(span),
					Entity: v.Entity, VoidKind: v.Kind, VoidEvent: v.ID})
			}
		}
	}
	return out
}

func testConfig(t testing.TB) engine.Config {
	t.Helper()
	cfg := engine.Config{
		Partitions: 1, Clock: engine.EventClock,
		Groups: []kpi.Set{kpi.SetOf(kpi.Team)},
		Keep:   kpi.SetOf(kpi.Team, kpi.Priority, kpi.Category),
		Policy: sla.Policy{Targets: map[string]time.Duration{"high": 1000 * time.Second, "low": 5000 * time.Second}},
	}
	for _, w := range oracleWindows {
		win, err := window.Parse(w.name)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Windows = append(cfg.Windows, win)
	}
	var err error
	if cfg.Catalogue, err = kpi.LoadCatalogue(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func apply(e *engine.Engine, events []kpi.Event) {
	for i := range events {
		e.Apply(&events[i], engine.Position{Sequence: uint64(i + 1)})
	}
}

// compare checks every reading of e at an instant against the oracle, and returns how
// many it has checked.
func compare(t *testing.T, e *engine.Engine, events []kpi.Event, at int64) int {
	t.Helper()
	readings, err := e.Read(at)
	if err != nil {
		t.Fatal(err)
	}
	byTeam, err := e.ReadBy(at, kpi.SetOf(kpi.Team))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	truth := map[string]oracleResult{}
	for _, r := range slices.Concat(readings, byTeam) {
		team := "*"
		if r.Group.Set != 0 {
			team = r.Group.Dims[kpi.Team]
		}
		want, ok := truth[team]
		if !ok {
			want = oracle(events, at, team)
			truth[team] = want
		}
		w := slices.IndexFunc(oracleWindows, func(w struct {
			name           string
			length, bucket int64
		}) bool {
			return w.name == r.Window
		})
		checked++
		switch r.KPI {
		case "overdue_ratio":
			expect(t, r, at, "overdue", r.Terms[0].At(0), int64(want.overdue))
			expect(t, r, at, "open", r.Terms[1].At(0), int64(want.open))
		case "repeat_incident_ratio":
			expect(t, r, at, "repeated", r.Terms[0].At(0), int64(want.repeated[w]))
			expect(t, r, at, "reported", r.Terms[1].At(0), int64(want.reported[w]))
		case "response_time":
			samples := want.responses[w]
			slices.Sort(samples)
			sum := int64(0)
			for _, s := range samples {
				sum += s
			}
			expect(t, r, at, "samples", r.Terms[0].Count(), int64(len(samples)))
			expect(t, r, at, "sum", r.Terms[0].At(0), sum)
			if len(samples) > 0 {
				got, _ := r.Terms[0].Quantile(0.9)
				nearest := float64(samples[int(math.Ceil(0.9*float64(len(samples))))-1]) / 1000
				if math.Abs(got-nearest) > 0.011*nearest {
					t.Fatalf("at %d %v: p90 is %g s, want %g s", at, r, got, nearest)
				}
			}
		default:
			t.Fatalf("unknown kpi %s", r.KPI)
		}
	}
	return checked
}

func expect(t *testing.T, r kpi.Reading, at int64, what string, got, want int64) {
	t.Helper()
	if got != want {
		t.Fatalf("at %d (start+%d) %s window %q team %q: %s is %d, want %d", at, at-testStart, r.KPI, r.Window,
			r.Group.Dims[kpi.Team], what, got, want)
	}
}
