package kpi

import (
	"fmt"
	"strings"
	"testing"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// TestDecodeLimits has, for each limit, an event at it and one past it.
func TestDecodeLimits(t *testing.T) {
	change := func(kind Kind, at int, how func(m *deskpulsev1.Event, n int)) []byte {
		m, err := ParseJSON([]byte(kindCases[kind-1].json))
		if err != nil {
			t.Fatal(err)
		}
		how(m, at)
		return marshal(t, m)
	}
	for _, c := range []struct {
		kind  Kind
		limit int
		how   func(m *deskpulsev1.Event, n int)
		want  string // of the event past the limit
	}{
		{Call, 256, func(m *deskpulsev1.Event, n int) { m.Id = strings.Repeat("i", n) },
			`id "` + strings.Repeat("i", 64) + `…" is not clean text: shorten it to 256 bytes`},
		{Call, 256, func(m *deskpulsev1.Event, n int) { m.GetCall().CallId = strings.Repeat("i", n) },
			`call.call_id "` + strings.Repeat("i", 64) + `…" is not clean text: shorten it to 256 bytes`},
		{Call, 1024, func(m *deskpulsev1.Event, n int) { m.Team = strings.Repeat("é", n/2) + strings.Repeat("a", n%2) },
			`team "` + strings.Repeat("é", 32) + `…" is not clean text: shorten it to 1024 bytes`},
		{Cost, 32, func(m *deskpulsev1.Event, n int) {
			m.GetCost().Purposes = strings.Split(strings.Repeat("p", n), "")[:n]
		},
			`cost.purposes "p" is out of range: send at most 32 purposes`},
		{Ticket, 9, func(m *deskpulsev1.Event, n int) { m.GetTicket().Action = deskpulsev1.TicketAction(n + 6) },
			`ticket.action "16" is unknown: ` + ticketActions.remedy()},
	} {
		env := Envelope{Tenant: "acme", Kind: c.kind.String()}
		if _, ferr := decodeOne(t, env, change(c.kind, c.limit, c.how)); ferr != nil {
			t.Errorf("at the limit: %v", ferr)
		}
		if _, ferr := decodeOne(t, env, change(c.kind, c.limit+1, c.how)); ferr == nil || ferr.Error() != c.want {
			t.Errorf("past the limit:\n got %v\nwant %s", ferr, c.want)
		}
	}
}

// TestDecodeCostPeriod wants costs of 20 years, and a day for a change of the zone's
// offset, but no longer ones.
func TestDecodeCostPeriod(t *testing.T) {
	for _, c := range []struct {
		start, end string
		ok         bool
	}{
		{"2004-01-01T00:00:00Z", "2024-01-01T00:00:00Z", true},
		{"2010-06-01T00:00:00+04:30", "2030-06-01T00:00:00+03:30", true}, // Tehran, which has no daylight saving any more
		{"2004-01-01T00:00:00Z", "2024-01-02T00:00:00Z", true},
		{"2004-01-01T00:00:00Z", "2024-01-02T00:00:00.001Z", false},
		{"2004-02-29T00:00:00Z", "2024-03-02T00:00:00Z", false},
		{"2004-01-01T00:00:00Z", "2104-01-01T00:00:00Z", false},
	} {
		text := fmt.Sprintf(`{"id":"e","occurred_at":%q,"cost":{"cost_id":"L","amount":"1","currency":"EUR","period_start":%[1]q,"period_end":%[2]q}}`, c.start, c.end)
		_, ferr := decodeOne(t, Envelope{Tenant: "acme", JSON: true}, []byte(text))
		if (ferr == nil) != c.ok || ferr != nil && (ferr.Field != "cost.period_end" || ferr.Reason != ReasonRange) {
			t.Errorf("%s to %s: %v", c.start, c.end, ferr)
		}
	}
}

// TestDecodeLabels wants labels sorted by name, the last of a name, and at most 32.
func TestDecodeLabels(t *testing.T) {
	var d Decoder
	for i := range maxLabels {
		name := fmt.Sprintf("n%02d", (i*7)%maxLabels)
		for _, value := range []string{"first", "last"} {
			if err := d.putLabel(Label{name, value}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, l := range d.labels {
		if want := (Label{fmt.Sprintf("n%02d", i), "last"}); l != want {
			t.Errorf("label %d is %v, want %v", i, l, want)
		}
	}
	err := d.putLabel(Label{"x", "y"})
	if want := `labels "x" is out of range: send at most 32 labels`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestDecoderForgets decodes a full event, then a lean one: nothing is left of the first.
func TestDecoderForgets(t *testing.T) {
	var d Decoder
	env := Envelope{Tenant: "acme", JSON: true}
	for _, c := range kindCases {
		d.Decode(env, []byte(c.json), func(_ *Event, _ []byte, err error) {
			if err != nil {
				t.Fatal(err)
			}
		})
		lean := []byte(head + `"suggestion":{"suggestion_id":"G","action":"received"}}`)
		want, _ := decodeOne(t, env, lean)
		d.Decode(env, lean, func(ev *Event, _ []byte, err error) {
			if err != nil || fmt.Sprintf("%+v", ev) != fmt.Sprintf("%+v", want) {
				t.Errorf("after a %s: %+v, %v", c.want.Kind, ev, err)
			}
		})
	}
}

// TestPartitionKey wants the key, else the customer, else the entity.
func TestPartitionKey(t *testing.T) {
	ev := Event{Key: "k", Customer: "c", Entity: "t"}
	for _, want := range []string{"k", "c", "t"} {
		if got := ev.PartitionKey(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if ev.Key != "" {
			ev.Key = ""
		} else {
			ev.Customer = ""
		}
	}
}
