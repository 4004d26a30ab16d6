package simulate

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// A Monday, so that days of the desk can be told.
var monday = time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)

type published struct {
	at time.Time
	ev *deskpulsev1.Event
}

// run collects what a desk publishes in a span.
func run(t testing.TB, c Config, span time.Duration) []published {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var all []published
	for {
		at, ev := d.Next()
		if !at.Before(c.Start.Add(span)) {
			return all
		}
		all = append(all, published{at, ev})
	}
}

func TestSameSeedSameEvents(t *testing.T) {
	c := Config{Tenant: "demo", Seed: 7, Rate: 200, Pace: 60, Start: monday}
	one, two := run(t, c, time.Minute), run(t, c, time.Minute)
	if len(one) != len(two) || len(one) == 0 {
		t.Fatalf("%d and %d events", len(one), len(two))
	}
	for i := range one {
		if one[i].at != two[i].at || !proto.Equal(one[i].ev, two[i].ev) {
			t.Fatalf("event %d differs: %v and %v", i, one[i], two[i])
		}
	}
	for name, other := range map[string]Config{
		"seed":   {Tenant: "demo", Seed: 8, Rate: 200, Pace: 60, Start: monday},
		"tenant": {Tenant: "acme", Seed: 7, Rate: 200, Pace: 60, Start: monday},
	} {
		three := run(t, other, time.Minute)
		if slices.EqualFunc(one, three, func(a, b published) bool { return a.ev.GetCustomerId() == b.ev.GetCustomerId() }) {
			t.Errorf("another %s gives the same customers", name)
		}
	}
}

func TestEveryEventIsAcceptedInOrderOfPublishing(t *testing.T) {
	for _, pace := range []float64{1, 60, 5000} {
		c := Config{Tenant: "demo", Seed: 3, Rate: 20 * pace, Pace: pace, Start: monday}
		span := time.Duration(float64(30*time.Minute) / pace)
		var dec kpi.Decoder
		last := monday
		for _, p := range run(t, c, span) {
			data, err := proto.Marshal(p.ev)
			if err != nil {
				t.Fatal(err)
			}
			dec.Decode(kpi.Envelope{}, data, func(_ *kpi.Event, _ []byte, err error) {
				if err != nil {
					t.Errorf("pace %v: %v: %v", pace, p.ev, err)
				}
			})
			if p.at.Before(last) {
				t.Fatalf("pace %v: published at %s after %s", pace, p.at, last)
			}
			last = p.at
			// The sources' clocks are wrong by normally distributed 150 ms.
			if ahead := p.ev.GetOccurredAt().AsTime().Sub(p.at); ahead > 6*150*time.Millisecond {
				t.Fatalf("pace %v: %v happens %s after it is published", pace, p.ev, ahead)
			}
		}
	}
}

// history is what tests of behaviour look at: nine days in real time, of which the first
// two fill the desk with cases.
// It is made once, for it takes a second.
func history(t testing.TB) (all []published, from time.Time) {
	nineDays.Do(func() {
		nineDays.events = run(t, Config{Tenant: "demo", Seed: 11, Rate: 0.4, Pace: 1, Start: monday}, 9*24*time.Hour)
	})
	return nineDays.events, monday.Add(48 * time.Hour)
}

var nineDays struct {
	sync.Once
	events []published
}

// within fails where a count of n cases is further from its chance than five standard
// deviations of the binomial distribution.
func within(t *testing.T, what string, count, n int, p float64) {
	t.Helper()
	mean, sigma := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
	if n < 200 || math.Abs(float64(count)-mean) > 5*sigma {
		t.Errorf("%s: %d of %d, want %.1f ± %.1f", what, count, n, mean, 5*sigma)
	}
}

func TestMeanRateOverAWeek(t *testing.T) {
	all, from := history(t)
	n := 0
	for _, p := range all {
		if !p.at.Before(from) {
			n++
		}
	}
	want := 0.4 * (7 * 24 * time.Hour).Seconds()
	if math.Abs(float64(n)/want-1) > 0.05 {
		t.Errorf("%d events in a week, want %.0f ± 5 %%", n, want)
	}
}

func TestSteadyDeskHasNoNight(t *testing.T) {
	c := Config{Tenant: "demo", Seed: 2, Rate: 2000, Pace: 3600, Start: monday, Steady: true}
	const hour = time.Second
	byHour := map[int]int{}
	for _, p := range run(t, c, 96*hour) {
		if since := p.at.Sub(monday); since >= 72*hour { // the desk is full
			byHour[int(since/hour)%24]++
		}
	}
	for h, n := range byHour {
		if math.Abs(float64(n)/2000-1) > 0.15 {
			t.Errorf("%d events in hour %d, want 2000 ± 15 %%", n, h)
		}
	}
	if len(byHour) != 24 {
		t.Errorf("events in %d hours of 24", len(byHour))
	}
}

func TestLateAndDoubleEvents(t *testing.T) {
	all, _ := history(t)
	seen := map[string]int{}
	late := 0
	for _, p := range all {
		if strings.HasPrefix(p.ev.GetId(), "ev-base-") {
			continue // of before the desk's start
		}
		seen[p.ev.GetId()]++
		if seen[p.ev.GetId()] == 1 && p.at.Sub(p.ev.GetOccurredAt().AsTime()) > 5*time.Second {
			late++
		}
	}
	double := 0
	for id, n := range seen {
		if n > 2 {
			t.Errorf("event %s came %d times", id, n)
		}
		if n == 2 {
			double++
		}
	}
	within(t, "late", late, len(seen), chanceLate)
	within(t, "double", double, len(seen), chanceDuplicate)
}

// lives groups the events of each ticket in the order in which they happened.
func lives(all []published) map[string][]*deskpulsev1.Event {
	tickets := map[string][]*deskpulsev1.Event{}
	seen := map[string]bool{}
	for _, p := range all {
		if id := p.ev.GetTicket().GetTicketId(); id != "" && !seen[p.ev.GetId()] {
			seen[p.ev.GetId()] = true
			tickets[id] = append(tickets[id], p.ev)
		}
	}
	for _, events := range tickets {
		slices.SortFunc(events, func(a, b *deskpulsev1.Event) int { return int(a.GetSequence() - b.GetSequence()) })
	}
	return tickets
}

func TestTicketsLiveAsTicketsDo(t *testing.T) {
	all, _ := history(t)
	cut := monday.Add(5 * 24 * time.Hour) // what was created before is over, or nearly
	var tickets, cancelled, merged, resolutions, reopenings, late, repeatable int
	for id, events := range lives(all) {
		if events[0].GetOccurredAt().AsTime().After(cut) {
			continue
		}
		tickets++
		if a := events[0].GetTicket().GetAction(); a != deskpulsev1.TicketAction_TICKET_ACTION_CREATED {
			t.Errorf("ticket %s begins with %s", id, a)
		}
		reopened := 0
		for i, ev := range events {
			if i > 0 && ev.GetOccurredAt().AsTime().Before(events[i-1].GetOccurredAt().AsTime()) {
				t.Errorf("ticket %s: %v is before %v", id, ev, events[i-1])
			}
			if ev.GetCustomerId() != events[0].GetCustomerId() {
				t.Errorf("ticket %s changes its customer", id)
			}
			switch ev.GetTicket().GetAction() {
			case deskpulsev1.TicketAction_TICKET_ACTION_CANCELLED:
				cancelled++
			case deskpulsev1.TicketAction_TICKET_ACTION_MERGED:
				merged++
			case deskpulsev1.TicketAction_TICKET_ACTION_RESOLVED:
				if reopened < 2 && i < len(events)-1 { // what follows is known
					resolutions++
				}
				if ev.GetOccurredAt().AsTime().After(events[0].GetTicket().GetDueResolution().AsTime()) {
					late++
				}
				repeatable++
			case deskpulsev1.TicketAction_TICKET_ACTION_REOPENED:
				reopened++
				reopenings++
			}
		}
	}
	within(t, "reopenings of resolutions", reopenings, resolutions, chanceReopen)
	// A second ticket about one matter is no candidate for either; one in seventy.
	within(t, "cancelled tickets", cancelled, tickets-merged, chanceCancel)
	within(t, "merged into those not cancelled", merged, tickets-merged-cancelled, chanceMerge)
	if share := float64(late) / float64(repeatable); share < 0.02 || share > 0.4 {
		t.Errorf("%.3f of the resolutions are after their due time: believable is 0.02 to 0.4", share)
	}
}

func TestCustomersStartAlongTheCurve(t *testing.T) {
	all, from := history(t)
	var started, office, night, weekend int
	customers := map[string]int{}
	for _, p := range all {
		first := p.ev.GetTicket().GetAction() == deskpulsev1.TicketAction_TICKET_ACTION_CREATED ||
			p.ev.GetCall().GetAction() == deskpulsev1.CallAction_CALL_ACTION_OFFERED
		at := p.ev.GetOccurredAt().AsTime()
		if !first || at.Before(from) {
			continue
		}
		started++
		customers[p.ev.GetCustomerId()]++
		switch h := at.Hour(); {
		case h >= 9 && h < 12:
			office++
		case h < 4:
			night++
		}
		if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
			weekend++
		}
	}
	if office < 8*night {
		t.Errorf("%d starts from 9 to 12, %d from 0 to 4: the curve has 12 times as many", office, night)
	}
	if share := float64(weekend) / float64(started); share > 0.25 {
		t.Errorf("%.2f of the starts are at the weekend: the curve has 0.16", share)
	}
	counts := make([]int, 0, len(customers))
	for _, n := range customers {
		counts = append(counts, n)
	}
	slices.Sort(counts)
	slices.Reverse(counts)
	top := 0
	for _, n := range counts[:len(counts)/100] {
		top += n
	}
	if share := float64(top) / float64(started); share < 0.03 || share > 0.5 {
		t.Errorf("one in a hundred customers starts %.3f of everything: believable is 0.03 to 0.5", share)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []Config{{Rate: 0}, {Rate: -1}, {Rate: 2e6}, {Rate: 1, Pace: 0.5}, {Rate: 1, Pace: 1e7}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestCurveHasMeanOne(t *testing.T) {
	sum := 0.0
	for hour := range 7 * 24 {
		sum += curve(monday.Add(time.Duration(hour) * time.Hour).UnixMilli())
	}
	if mean := sum / (7 * 24); math.Abs(mean-1) > 1e-9 {
		t.Errorf("mean %v over a week", mean)
	}
}

func BenchmarkDesk(b *testing.B) {
	c := Config{Tenant: "demo", Seed: 1, Rate: 100_000, Pace: 2000, Start: monday.Add(9 * time.Hour)}
	d, err := New(c)
	if err != nil {
		b.Fatal(err)
	}
	for range 2_000_000 { // fill the agenda
		d.Next()
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Next()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(d.Alive()), "cases")
}
