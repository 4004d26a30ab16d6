package kpi

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// march is 2026-03-01T00:00:00Z in Unix milliseconds: 20513 days.
const march = 20513 * 24 * 3600 * 1000

const minute = 60 * 1000

// head is the start of every event below, which happens at march + 1 minute.
const head = `{"id":"e1","occurred_at":"2026-03-01T00:01:00Z",`

func headed(ev Event) *Event {
	ev.ID, ev.Tenant, ev.At = "e1", "acme", march+minute
	return &ev
}

// kindCases hold for each kind every field that it has.
var kindCases = []struct {
	json string
	want *Event
}{
	{head + `"sequence":-7,"customer_id":"c","key":"k","service_id":"s","team":"a","channel":"b","priority":"c","category":"d",
		"agent":"e","post":"f","segment":"g","network":"h","product":"i","branch":"j","outsourced":false,"novelty":"l",
		"labels":{"z":"1","a":""},
		"ticket":{"ticket_id":"T","action":"closed","incident_id":"I","type":"problem","cause":"x","role":"system",
		"public":false,"waiting_for":"third_party","stage_from":"p","stage_to":"q","outcome":"o","with_resolution":true,
		"merged_into":"U","due_response":"2026-03-01T00:02:00.0019Z","due_resolution":"2026-03-01T03:33:00+03:30"}}`,
		headed(Event{
			Kind: Ticket, Action: TicketClosed, Role: RoleSystem, Type: TypeProblem, Sequence: -7, Customer: "c",
			Key: "k", Service: "s", Dims: Dims{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "false", "l"},
			Labels: []Label{{"a", ""}, {"z", "1"}}, Entity: "T", Incident: "I", Cause: "x", Public: False,
			WaitingFor: 2, StageFrom: "p", StageTo: "q", Outcome: "o", WithResolution: True, MergedInto: "U",
			DueResponse: march + 2*minute + 1, DueResolution: march + 3*minute,
		})},
	{head + `"outsourced":true,"call":{"call_id":"C","action":"abandoned","direction":"outbound","queue":"q","ticket_id":"T","incident_id":"I",
		"role":"bot","talk_seconds":1.0005,"hold_seconds":0,"wrap_up_seconds":1e9}}`,
		headed(Event{
			Kind: Call, Action: CallAbandoned, Role: RoleBot, Entity: "C", Dims: Dims{Outsourced: "true"},
			Direction: Outbound, Queue: "q", Ticket: "T", Incident: "I", Talk: 1001, WrapUp: 1_000_000_000_000,
		})},
	{head + `"interaction":{"interaction_id":"N","action":"ended","type":"self_service","role":"bot","resolved":false,"ticket_id":"T","incident_id":"I"}}`,
		headed(Event{
			Kind: Interaction, Action: InteractionEnded, Role: RoleBot, Entity: "N", SessionType: 3,
			Resolved: False, Ticket: "T", Incident: "I",
		})},
	{head + `"complaint":{"complaint_id":"K","action":"reopened","subject":"other","ticket_id":"T","incident_id":"I","outcome":"o","duplicate_of":"L"}}`,
		headed(Event{
			Kind: Complaint, Action: ComplaintReopened, Entity: "K", Subject: 4, Ticket: "T", Incident: "I",
			Outcome: "o", DuplicateOf: "L",
		})},
	{head + `"survey":{"survey_id":"S","action":"answered","dimension":"quality","score":2,"scale_min":1,"scale_max":4,"ticket_id":"T","call_id":"C"}}`,
		headed(Event{
			Kind: Survey, Action: 2, Entity: "S", SurveyDimension: "quality", Score: 33_333_333, HasScore: true,
			Ticket: "T", Call: "C",
		})},
	{head + `"suggestion":{"suggestion_id":"G","action":"declined"}}`,
		headed(Event{Kind: Suggestion, Action: 3, Entity: "G"})},
	{head + `"cost":{"cost_id":"O","amount":"-12.345","currency":"CNY","purposes":["a","b"],"item":"wages","direction":"inbound",
		"period_start":"2026-03-01T00:00:00Z","period_end":"2026-03-01T00:01:00Z","basis":"plan","reversal_of":"P"}}`,
		headed(Event{
			Kind: Cost, Entity: "O", Amount: -123_450, Currency: "CNY", Purposes: []string{"a", "b"}, Item: "wages",
			Direction: Inbound, PeriodStart: march, PeriodEnd: march + minute, Basis: 2, ReversalOf: "P",
		})},
	{head + `"order":{"order_id":"R","amount":"99999999999999.9999","currency":"EUR","refund_of":"Q"}}`,
		headed(Event{Kind: Order, Entity: "R", Amount: 999_999_999_999_999_999, Currency: "EUR", RefundOf: "Q"})},
	{head + `"customer":{"subscription_id":"L","action":"left","reason":"moved_network"}}`,
		headed(Event{Kind: Customer, Action: 2, Entity: "L", LeaveCause: 3})},
	{head + `"invoice":{"invoice_id":"V","subscription_id":"L","period":"2026-02","amount":"0.0001","currency":"EUR","due":"2026-03-01T00:00:00Z"}}`,
		headed(Event{
			Kind: Invoice, Entity: "V", Subscriber: "L", Period: "2026-02", Amount: 1, Currency: "EUR", Due: march,
		})},
	{head + `"payment":{"payment_id":"Y","invoice_id":"V","amount":"7","currency":"EUR","write_off":true}}`,
		headed(Event{Kind: Payment, Entity: "Y", Invoice: "V", Amount: 70_000, Currency: "EUR", WriteOff: true})},
	{head + `"agent":"sara","agent_state":{"action":"paused","reason":"lunch"}}`,
		headed(Event{Kind: Agent, Action: 4, Entity: "sara", Dims: Dims{AgentName: "sara"}, Reason: "lunch"})},
	{head + `"opening":{"opening_id":"2026","as_of":"2026-03-01T00:00:00Z","customers":0,"active_lines":5,"revenue":"1.5","currency":"CNY"}}`,
		headed(Event{
			Kind: Opening, Entity: "2026", AsOf: march, HasCustomers: true, Lines: 5, HasLines: true,
			Amount: 15_000, Currency: "CNY",
		})},
	{head + `"void":{"event_id":"e0","kind":"call","entity_id":"C"}}`,
		headed(Event{Kind: Void, Entity: "C", VoidEvent: "e0", VoidKind: Call})},
}

// TestDecodeKinds decodes each kind as JSON and as protobuf, and wants the same event.
func TestDecodeKinds(t *testing.T) {
	for _, c := range kindCases {
		t.Run(c.want.Kind.String(), func(t *testing.T) {
			m, err := ParseJSON([]byte(c.json))
			if err != nil {
				t.Fatal(err)
			}
			wire, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			env := Envelope{Tenant: "acme", Kind: c.want.Kind.String()}
			for i, data := range [][]byte{[]byte(c.json), wire} {
				env.JSON = i == 0
				got, ferr := decodeOne(t, env, data)
				if ferr != nil {
					t.Fatal(ferr)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("json %v (-want +got):\n%s", env.JSON, diff)
				}
			}
		})
	}
}

// TestDecodeErrors runs testdata/errors.txt: an envelope and an event on a line that
// begins with >, and on the next line, after <, the error that it gives.
func TestDecodeErrors(t *testing.T) {
	text, err := os.ReadFile("testdata/errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	given, seen := "", map[string]bool{}
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "> "):
			given = line[2:]
		case strings.HasPrefix(line, "< "):
			tenant, rest, _ := strings.Cut(given, " ")
			kind, data, _ := strings.Cut(rest, " ")
			data = strings.Replace(data, "HEAD ", head, 1)
			env := Envelope{Tenant: strings.Trim(tenant, "."), Kind: strings.Trim(kind, "."), JSON: true}
			_, ferr := decodeOne(t, env, []byte(data))
			if ferr == nil {
				t.Errorf("errors.txt:%d: accepted", i+1)
				continue
			}
			seen[ferr.Reason] = true
			if ferr.Error() != line[2:] {
				t.Errorf("errors.txt:%d:\n got %s\nwant %s", i+1, ferr, line[2:])
			}
		}
	}
	for _, reason := range Reasons {
		if !seen[reason] {
			t.Errorf("no case has the reason %s", reason)
		}
	}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDecodeWireErrors has what JSON cannot say.
func TestDecodeWireErrors(t *testing.T) {
	good, err := ParseJSON([]byte(kindCases[0].json))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*deskpulsev1.Event)) []byte {
		m := proto.CloneOf(good)
		change(m)
		return marshal(t, m)
	}
	for _, c := range []struct {
		data []byte
		want string
	}{
		{[]byte{0x0a, 0x05, 'x'}, "event is malformed: " + remedyWire},
		{[]byte{0x00, 0x00, 0x00}, "event is malformed: " + remedyWire},
		{[]byte(`{"id":"e1"}`), "event is malformed: set the header Content-Type: application/json"},
		{[]byte{0xc2, 0x02, 0x01, 0xff}, "ticket is malformed: " + remedyWire},
		{[]byte{0x0a, 0x01, 0xff}, `id "\xff" is not clean text: send UTF-8`},
		{with(func(m *deskpulsev1.Event) { m.Team = "a\x00b" }), `team "a\x00b" is not clean text: remove the NUL byte`},
		{with(func(m *deskpulsev1.Event) { m.Branch = strings.Repeat("é", 513) }),
			`branch "` + strings.Repeat("é", 32) + `…" is not clean text: shorten it to 1024 bytes`},
		{with(func(m *deskpulsev1.Event) { m.GetTicket().Role = 6 }),
			`ticket.role "6" is unknown: use one of customer, agent, bot, monitor, system`},
		{with(func(m *deskpulsev1.Event) { m.OccurredAt.Nanos = -1 }),
			`occurred_at "1772323260 s -1 ns" is out of range: give a time from 1970-01-01T00:00:01Z to the end of 2105`},
	} {
		_, ferr := decodeOne(t, Envelope{Tenant: "acme"}, c.data)
		if ferr == nil || ferr.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.data, ferr, c.want)
		}
	}
}

// TestDecodeTimes looks at the edges of what a time may be.
func TestDecodeTimes(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64 // Unix milliseconds; 0 where it is refused
	}{
		{"1970-01-01T00:00:00.999999999Z", 0},
		{"1970-01-01T00:00:01Z", 1000},
		{"1970-01-01T03:30:01.0009+03:30", 1000},
		{"2105-12-31T23:59:59.999999Z", 4291747199999},
		{"2106-01-01T00:00:00Z", 0},
	} {
		data := fmt.Sprintf(`{"id":"e","occurred_at":%q,"suggestion":{"suggestion_id":"g","action":"received"}}`, c.text)
		ev, ferr := decodeOne(t, Envelope{Tenant: "acme", JSON: true}, []byte(data))
		if (ferr == nil) != (c.want != 0) || ev != nil && ev.At != c.want {
			t.Errorf("%s: %v, %v; want %d", c.text, ev, ferr, c.want)
		}
	}
}

func TestParseMoney(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		ok   bool
	}{
		{"0", 0, true}, {"-0.0001", -1, true}, {"1236933.00", 12_369_330_000, true}, {"00.5", 5000, true},
		{"99999999999999.9999", 999_999_999_999_999_999, true},
		{"100000000000000", 0, false}, {"1.00000", 0, false}, {"1.", 0, false}, {".5", 0, false}, {"-", 0, false},
		{"+1", 0, false}, {"1e3", 0, false}, {"1,5", 0, false}, {" 1", 0, false}, {"1.2.3", 0, false}, {"--1", 0, false},
	} {
		if got, ok := parseMoney(c.text); got != c.want || ok != c.ok {
			t.Errorf("parseMoney(%q) = %d, %v; want %d, %v", c.text, got, ok, c.want, c.ok)
		}
	}
}

// TestDecodeBatch spoils one event of three, in both forms: the others get through, and
// the bad one comes with its own bytes.
func TestDecodeBatch(t *testing.T) {
	events := []string{kindCases[1].json, head + `"call":{"call_id":"C","action":"rung"}}`, kindCases[2].json}
	jsonBatch := "{ \"events\" : [" + strings.Join(events, ",\n") + "]}"
	var wires []string
	var wireBatch []byte
	for i, kind := range []int{1, 1, 2} {
		m, err := ParseJSON([]byte(kindCases[kind].json))
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			m.GetCall().Action = 99
		}
		wire := marshal(t, m)
		wires = append(wires, string(wire))
		wireBatch = protowire.AppendTag(wireBatch, 1, protowire.BytesType)
		wireBatch = protowire.AppendBytes(wireBatch, wire)
	}
	check := func(env Envelope, data []byte, raws []string) {
		var d Decoder
		var seen []string
		i := 0
		d.Decode(env, data, func(ev *Event, raw []byte, err error) {
			if string(raw) != raws[i] {
				t.Errorf("event %d: raw is %q, want %q", i, raw, raws[i])
			}
			var field *FieldError
			if i++; errors.As(err, &field) {
				seen = append(seen, field.Field)
				return
			}
			seen = append(seen, ev.Kind.String())
		})
		if diff := cmp.Diff([]string{"call", "events[1].call.action", "interaction"}, seen); diff != "" {
			t.Errorf("json %v (-want +got):\n%s", env.JSON, diff)
		}
	}
	check(Envelope{Tenant: "acme", Kind: KindBatch, JSON: true}, []byte(jsonBatch), events)
	check(Envelope{Tenant: "acme", Kind: KindBatch}, wireBatch, wires)
}

// TestDecodeBatchWhole wants one error, with all bytes, for what is no batch.
func TestDecodeBatchWhole(t *testing.T) {
	for _, c := range []struct {
		json bool
		data string
		want string
	}{
		{true, `{"events":[{},{]}`, "event \"]}\" is malformed: correct the JSON at byte 15: expected a string"},
		{true, `{"events":[]}`, "events is missing: put at least one event into the batch"},
		{true, `{}`, "events is missing: put at least one event into the batch"},
		{true, `{"event":[{}]}`, "event is unknown: put the events into events"},
		{true, `{"events":[{}],"events":[{}]}`, "events is given twice: keep one of them"},
		{true, `{"events":[` + strings.Repeat("[", 40), "event \"[[[[[[[[\" is malformed: correct the JSON at byte 43: expected at most 32 levels"},
		{false, "", "events is missing: put at least one event into the batch"},
		{false, "\x0a\x02\x0a\x00\x0a\x7f", "events is malformed: send a deskpulse.v1.EventBatch in protobuf, or JSON with the header Content-Type: application/json"},
	} {
		_, ferr := decodeOne(t, Envelope{Tenant: "acme", Kind: KindBatch, JSON: c.json}, []byte(c.data))
		if ferr == nil || ferr.Error() != c.want {
			t.Errorf("%q:\n got %v\nwant %s", c.data, ferr, c.want)
		}
	}
}

// TestTextWidths puts a NUL and a byte that is not ASCII at every place of short texts,
// since they are read by words.
func TestTextWidths(t *testing.T) {
	for size := range 40 {
		text := []byte(strings.Repeat("a", size))
		if !isClean(text) {
			t.Errorf("%q is refused", text)
		}
		for i := range text {
			for _, c := range []byte{0, 0x80, 0xff} {
				text[i] = c
				if isClean(text) {
					t.Errorf("%q is accepted", text)
				}
			}
			text[i] = 'a'
			if i > 0 {
				copy(text[i-1:], "é")
				if !isClean(text) {
					t.Errorf("%q is refused", text)
				}
				copy(text[i-1:], "aa")
			}
		}
	}
}

// TestContractEnums pins what the decoder takes for granted: values without gaps, in the
// order of the constants of this package.
func TestContractEnums(t *testing.T) {
	for _, c := range []struct {
		enum protoreflect.Enum
		last int
	}{
		{deskpulsev1.TicketAction(0), int(TicketDeleted)},
		{deskpulsev1.CallAction(0), int(CallEnded)},
		{deskpulsev1.InteractionAction(0), int(InteractionEnded)},
		{deskpulsev1.ComplaintAction(0), int(ComplaintReopened)},
		{deskpulsev1.Role(0), int(RoleSystem)},
		{deskpulsev1.TicketType(0), int(TypeProblem)},
		{deskpulsev1.Direction(0), int(Outbound)},
	} {
		if n := c.enum.Descriptor().Values().Len(); n != c.last+1 {
			t.Errorf("%s has %d values, the constants %d", c.enum.Descriptor().Name(), n, c.last+1)
		}
	}
	enums := deskpulsev1.File_deskpulse_v1_event_proto.Enums()
	for i := range enums.Len() {
		for n := range enums.Get(i).Values().Len() {
			if v := enums.Get(i).Values().Get(n); int(v.Number()) != n {
				t.Errorf("%s is %d, want %d", v.Name(), v.Number(), n)
			}
		}
	}
	body := (*deskpulsev1.Event)(nil).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for kind := Ticket; kind < numKinds; kind++ {
		f := body.ByNumber(protoreflect.FieldNumber(firstBody + int(kind) - 1))
		if f == nil || string(f.Name()) != bodyNames[kind] {
			t.Errorf("field %d is not the body of %s", firstBody+int(kind)-1, kind)
		}
	}
	if body.Len() != NumKinds-1 {
		t.Errorf("the contract has %d bodies, the decoder %d", body.Len(), NumKinds-1)
	}
}
