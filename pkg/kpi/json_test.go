package kpi

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// TestMarshalJSON writes an event of every form of field.
func TestMarshalJSON(t *testing.T) {
	const want = `{"id":"e\"1\n\u0001","occurred_at":"2026-03-01T00:01:00.5Z","sequence":-9223372036854775808,` +
		`"outsourced":false,"labels":{"a":"é","b":""},"cost":{"cost_id":"O","amount":"1.50","purposes":["x","y"],` +
		`"direction":"inbound"}}`
	m, err := ParseJSON([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := MarshalJSON(m)
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestMarshalJSONRefuses(t *testing.T) {
	for want, m := range map[string]*deskpulsev1.Event{
		"team: value \"\\xff\" is not text: send UTF-8":  {Team: "\xff"},
		"labels: name \"\\xff\" is not text: send UTF-8": {Labels: map[string]string{"\xff": ""}},
	} {
		if _, err := MarshalJSON(m); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestParseJSONForms wants the same message from each way to write it.
func TestParseJSONForms(t *testing.T) {
	want := &deskpulsev1.Event{
		Id: "é😀/", Sequence: 5,
		Body: &deskpulsev1.Event_Ticket{Ticket: &deskpulsev1.Ticket{
			TicketId: "T", Action: deskpulsev1.TicketAction_TICKET_ACTION_CREATED,
		}},
	}
	for _, text := range []string{
		`{"id":"é😀/","sequence":5,"ticket":{"ticket_id":"T","action":"created"}}`,
		` { "ticket" : { "action" : "TICKET_ACTION_CREATED" , "ticket_id" : "T" } , "sequence" : "5" , "id" : "\u00e9\ud83d\ude00\/" } `,
		`{"id":"\u00E9\uD83D\uDE00/","team":null,"call":null,"sequence":5,"ticket":{"ticket_id":"T","action":1}}`,
	} {
		got, err := ParseJSON([]byte(text))
		if err != nil || !proto.Equal(got, want) {
			t.Errorf("%s:\n got %v, %v\nwant %v", text, got, err, want)
		}
	}
}

// FuzzDecodeJSON wants of every text that is accepted: written again it gives the same
// message, and where protojson accepts it too, or writes it, it means the same there.
func FuzzDecodeJSON(f *testing.F) {
	for _, block := range docBlocks(f) {
		f.Add(block)
	}
	f.Add(`{"id":"\u00e9\ud83d\ude00\/","team":null,"sequence":"-5","call":{"action":1,"talk_seconds":"NaN","hold_seconds":-1e-7}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var d Decoder
		calls := 0
		for _, kind := range []string{"", KindBatch} {
			d.Decode(Envelope{Tenant: "acme", Kind: kind, JSON: true}, []byte(text), func(*Event, []byte, error) { calls++ })
		}
		if calls < 2 {
			t.Fatalf("%d calls", calls)
		}
		m, err := ParseJSON([]byte(text))
		if err != nil {
			return
		}
		again, err := MarshalJSON(m)
		if err != nil {
			t.Fatal(err)
		}
		checkParses(t, string(again), m)
		if theirs, err := (protojson.MarshalOptions{UseProtoNames: true}).Marshal(m); err == nil {
			checkParses(t, string(theirs), m)
		}
		var theirs deskpulsev1.Event
		if protojson.Unmarshal([]byte(text), &theirs) == nil && !proto.Equal(&theirs, m) {
			t.Fatalf("protojson reads %v, deskpulse %v", &theirs, m)
		}
	})
}

func checkParses(t *testing.T, text string, want *deskpulsev1.Event) {
	t.Helper()
	got, err := ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if !proto.Equal(got, want) {
		t.Fatalf("%s gives\n%v, want\n%v", text, got, want)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"Tenant", "team", "ticket"}
	for _, c := range []struct {
		given string
		most  int
		want  string
	}{
		{"tenent", 2, "Tenant"}, // one byte replaced
		{"TEAMS", 1, "team"},    // one inserted
		{"tm", 2, "team"},       // two deleted
		{"tm", 1, ""},
		{"customer", 2, ""},
		{"", 3, ""},
	} {
		if got := Nearest(c.given, names, c.most); got != c.want {
			t.Errorf("nearest to %q within %d is %q, want %q", c.given, c.most, got, c.want)
		}
	}
}
