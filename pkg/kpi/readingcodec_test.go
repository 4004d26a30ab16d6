package kpi

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/window"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

func TestReadingSetCodec(t *testing.T) {
	for _, want := range []*ReadingSet{
		{Partitions: 1, Readings: []Reading{}},
		{
			Partition: 15, Partitions: 16, Epoch: 1 << 60, Position: 7, At: 1459468830, Newest: 1459468829999, Full: true,
			Readings: []Reading{
				{Tenant: "acme", KPI: "overdue_ratio", Terms: []window.Vector{nil, {{Slot: 0, Value: 3}}}},
				{
					Tenant: "acme", KPI: "response_time", Window: "7d",
					Group: Group{Set: SetOf(Team, Novelty), Dims: Dims{Team: "گروه"}},
					Terms: []window.Vector{{{Slot: 0, Value: -5}, {Slot: 65535, Value: 1 << 62}}},
				},
			},
		},
	} {
		prefix := []byte("x")
		data := EncodeReadingSet(prefix, want)
		if !bytes.Equal(data, EncodeReadingSet(prefix, want)) || data[0] != 'x' {
			t.Error("the same set gives other bytes")
		}
		got, err := DecodeReadingSet(data[1:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestDecodeReadingSetRefuses(t *testing.T) {
	one := func(r *deskpulsev1.Reading) *deskpulsev1.ReadingSet {
		return &deskpulsev1.ReadingSet{Partitions: 1, Readings: []*deskpulsev1.Reading{r}}
	}
	term := func(slots []uint32, values []int64) *deskpulsev1.ReadingSet {
		return one(&deskpulsev1.Reading{Terms: []*deskpulsev1.Term{{Slots: slots, Values: values}}})
	}
	const inTerm = "reading set: readings[0]: terms[0]: "
	const inOrder = ": send slots in order, each once, below 65536, without zeros"
	for want, m := range map[string]*deskpulsev1.ReadingSet{
		"reading set: partition 1 of 1: expected one of at most 65535": {Partition: 1, Partitions: 1},
		"reading set: readings[0]: dimension \"colour\" is unknown: use one of team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty": one(&deskpulsev1.Reading{By: []*deskpulsev1.GroupValue{{Dimension: "colour"}}}),
		inTerm + "2 slots for 1 values: send one for each": term([]uint32{0, 1}, []int64{1}),
		inTerm + "slot 0 with value 2" + inOrder:           term([]uint32{1, 0}, []int64{1, 2}),
		inTerm + "slot 65536 with value 1" + inOrder:       term([]uint32{65536}, []int64{1}),
		inTerm + "slot 3 with value 0" + inOrder:           term([]uint32{3}, []int64{0}),
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeReadingSet(data); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestAppendReadingJSON has each form of a line. 2016-04-01T00:00:30Z is 1459468830.
func TestAppendReadingJSON(t *testing.T) {
	ratio := &Definition{Key: "r", Type: Flow, Formula: Ratio, Measures: []string{"a", "b"}}
	stock := &Definition{Key: "s", Type: Stock, Formula: Ratio, Measures: []string{"a", "b"}}
	dist := &Definition{Key: "d", Type: Flow, Formula: Distribution, Measures: []string{"a"}}
	count := func(n int64) window.Vector { return window.Vector{{Slot: 0, Value: n}} }
	for _, c := range []struct {
		d    *Definition
		r    Reading
		want string
	}{
		{ratio, Reading{Tenant: "acme", KPI: "r", Window: "7d", Terms: []window.Vector{count(1), count(4)}},
			`{"at":"2016-04-01T00:00:30Z","tenant":"acme","kpi":"r","window":"7d","by":{},"value":0.25,"numerator":1,"denominator":4}`},
		{ratio, Reading{Tenant: "acme", KPI: "r", Window: "all", Terms: []window.Vector{nil, nil}},
			`{"at":"2016-04-01T00:00:30Z","tenant":"acme","kpi":"r","window":"all","by":{},"value":null,"numerator":0,"denominator":0}`},
		{stock, Reading{
			Tenant: "acme", KPI: "s", Terms: []window.Vector{nil, count(3)},
			Group: Group{Set: SetOf(Team, Priority), Dims: Dims{Team: `a"b`}},
		}, `{"at":"2016-04-01T00:00:30Z","tenant":"acme","kpi":"s","by":{"team":"a\"b","priority":""},"value":0,"numerator":0,"denominator":3}`},
		{dist, Reading{Tenant: "acme", KPI: "d", Window: "1h", Terms: []window.Vector{nil}},
			`{"at":"2016-04-01T00:00:30Z","tenant":"acme","kpi":"d","window":"1h","by":{},"value":null,"count":0,"quantiles":{}}`},
		// Two samples below a millisecond: slot 1, whose quantiles are 0.
		{dist, Reading{Tenant: "acme", KPI: "d", Window: "1h", Terms: []window.Vector{{{Slot: 1, Value: 2}}}},
			`{"at":"2016-04-01T00:00:30Z","tenant":"acme","kpi":"d","window":"1h","by":{},"value":0,"count":2,"quantiles":{"p50":0,"p90":0,"p95":0,"p99":0}}`},
	} {
		if got := string(AppendReadingJSON(nil, 1459468830, &c.r, c.d)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
