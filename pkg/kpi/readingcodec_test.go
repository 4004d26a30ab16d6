package kpi

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/window"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// largeSet has everything that a set can have, at its limits.
func largeSet() *TotalsSet {
	return &TotalsSet{
		Partition: 15, Partitions: 16, Epoch: 1 << 60, Number: 9, Layout: 1<<63 + 5, Position: 7, At: 1459468830, Newest: 1459468829999, More: true,
		Totals: []Totals{
			{Tenant: "acme", Window: "all", Values: window.Vector{{Slot: 0, Value: 3}}, Oldest: []OldestEntry{{0, 1459468829000}, {70, 1459468000123}}},
			{Tenant: "acme", Window: "month", Lo: 1456790400, MonthFrom: 555, MonthTo: 556, Openings: window.Vector{{Slot: 7, Value: -4}}},
			{
				Tenant: "acme", Window: "7d", Lo: -5,
				Group:  Group{Set: SetOf(Team, Novelty, Purpose), Dims: Dims{Team: "گروه", Purpose: "7d"}},
				Values: window.Vector{{Slot: 0, Value: -5}, {Slot: 9, Value: 0}, {Slot: 65535, Value: 1 << 62}},
			},
		},
	}
}

func TestTotalsSetCodec(t *testing.T) {
	full := largeSet()
	full.Full, full.Totals[2].Values = true, window.Vector{{Slot: 65535, Value: math.MinInt64}}
	for _, want := range []*TotalsSet{{Partitions: 1, Totals: []Totals{}}, largeSet(), full} {
		prefix := []byte("x")
		data := EncodeTotalsSet(prefix, want)
		if !bytes.Equal(data, EncodeTotalsSet(prefix, want)) || data[0] != 'x' {
			t.Error("the same set gives other bytes")
		}
		got, err := DecodeTotalsSet(data[1:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// wireSet is largeSet as the contract says it, written by hand.
func wireSet() *deskpulsev1.TotalsSet {
	return &deskpulsev1.TotalsSet{
		Partition: 15, Partitions: 16, Epoch: 1 << 60, Number: 9, Layout: 1<<63 + 5, Position: 7, At: 1459468830, Newest: 1459468829999, More: true,
		Texts: []string{"acme", "all", "month", "7d", "team", "گروه", "novelty", "purpose"},
		Totals: []*deskpulsev1.Totals{
			{Tenant: 1, Window: 2, Slots: []uint32{0}, Values: []int64{3}, Oldest: []uint32{0, 70}, OldestAt: []int64{1459468829000, -828877}},
			{Tenant: 1, Window: 3, Lo: 1456790400, MonthFrom: 555, MonthTo: 556, OpeningSlots: []uint32{7}, OpeningValues: []int64{-4}},
			{Tenant: 1, Window: 4, Lo: -5, By: []uint32{5, 6, 7, 0, 8, 4}, Slots: []uint32{0, 9, 65526}, Values: []int64{-5, 0, 1 << 62}},
		},
	}
}

// The codec is written by hand; the generated code must read and write the same.
func TestTotalsSetIsTheContracts(t *testing.T) {
	var got deskpulsev1.TotalsSet
	if err := proto.Unmarshal(EncodeTotalsSet(nil, largeSet()), &got); err != nil {
		t.Fatal(err)
	}
	if want := wireSet(); !proto.Equal(want, &got) {
		t.Errorf("got\n%v\nwant\n%v", &got, want)
	}
	data, err := proto.Marshal(wireSet())
	if err != nil {
		t.Fatal(err)
	}
	set, err := DecodeTotalsSet(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(largeSet(), set); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeTotalsSetRefuses(t *testing.T) {
	one := func(m *deskpulsev1.Totals) *deskpulsev1.TotalsSet {
		return &deskpulsev1.TotalsSet{Partitions: 1, Texts: []string{"team", "colour"}, Totals: []*deskpulsev1.Totals{m}}
	}
	full := one(&deskpulsev1.Totals{Slots: []uint32{3}, Values: []int64{0}})
	full.Full = true
	const in, damaged = "totals set: totals[0]: ", "damaged: send what deskpulse.v1.TotalsSet says"
	const order = "slots are not in order, each once and below 65536: send the difference to the one before"
	for _, c := range []struct {
		m    *deskpulsev1.TotalsSet
		want string
	}{
		{&deskpulsev1.TotalsSet{Partition: 1, Partitions: 1}, "totals set: partition 1 of 1: expected one of at most 65535"},
		{&deskpulsev1.TotalsSet{Partition: 1, Partitions: 1 << 16}, "totals set: partition 1 of 65536: expected one of at most 65535"},
		{one(&deskpulsev1.Totals{By: []uint32{2, 1}}), in + `dimension "colour" is unknown: use one of team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, queue, stage, item, cause, state, purpose`},
		{one(&deskpulsev1.Totals{By: []uint32{1, 2, 1, 2}}), in + `dimension "team" comes twice: send it once`},
		{one(&deskpulsev1.Totals{By: []uint32{1}}), in + damaged},
		{one(&deskpulsev1.Totals{By: []uint32{1, 3}}), in + damaged},
		{one(&deskpulsev1.Totals{Tenant: 3}), in + damaged},
		{one(&deskpulsev1.Totals{Window: 3}), in + damaged},
		{one(&deskpulsev1.Totals{MonthTo: 1 << 16}), in + damaged},
		{one(&deskpulsev1.Totals{Slots: []uint32{0, 1}, Values: []int64{1}}), in + "2 slots for 1 values: send one for each"},
		{one(&deskpulsev1.Totals{Slots: []uint32{1, 0}, Values: []int64{1, 2}}), in + order},
		{one(&deskpulsev1.Totals{Slots: []uint32{65535, 1}, Values: []int64{1, 2}}), in + order},
		{one(&deskpulsev1.Totals{OpeningSlots: []uint32{65536}, OpeningValues: []int64{1}}), in + "openings: " + order},
		{one(&deskpulsev1.Totals{Oldest: []uint32{2, 0}, OldestAt: []int64{1, 2}}), in + "oldest: " + order},
		{full, in + "slot 3 has the value 0 in a full set: leave it out"},
	} {
		data, err := proto.Marshal(c.m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeTotalsSet(data); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	whole := EncodeTotalsSet(nil, largeSet())
	for _, data := range [][]byte{{0}, {0x80}, whole[:len(whole)-1], {5 << 3, 1}, {11<<3 | 2, 1, 0xff}} {
		if _, err := DecodeTotalsSet(data); err == nil || err.Error() != "totals set: "+damaged {
			t.Errorf("%x: got %v", data, err)
		}
	}
}

// What is decoded can be encoded and decoded again, and the generated code reads it, too.
func FuzzDecodeTotalsSet(f *testing.F) {
	f.Add([]byte{})
	f.Add(EncodeTotalsSet(nil, largeSet()))
	f.Add(EncodeTotalsSet(nil, &TotalsSet{Partitions: 1, Full: true}))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := DecodeTotalsSet(data)
		if err != nil {
			return
		}
		var generated deskpulsev1.TotalsSet
		if err := proto.Unmarshal(data, &generated); err != nil {
			t.Fatalf("accepted what the contract refuses: %v", err)
		}
		if len(generated.Totals) != len(set.Totals) || generated.Number != set.Number || generated.At != set.At {
			t.Fatalf("read as %+v, and by the contract as %v", set, &generated)
		}
		again, err := DecodeTotalsSet(EncodeTotalsSet(nil, set))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(set, again); diff != "" {
			t.Fatalf("(-decoded +again):\n%s", diff)
		}
	})
}

// busySet is what a partition of a busy desk knows: 130 groups in 15 windows, with 40
// slots each.
func busySet() *TotalsSet {
	s := &TotalsSet{Partitions: 16, Epoch: 1, Layout: 1 << 63, Position: 1 << 20, At: 1459468830, Newest: 1459468829999, Full: true}
	for g := range 130 {
		group := Group{}
		if g > 0 {
			group = Group{Set: SetOf(AgentName), Dims: Dims{AgentName: fmt.Sprintf("agent %d", g)}}
		}
		for _, name := range []string{"15m", "1h", "1m", "24h", "30d", "5m", "7d", "8h", "all", "day", "month", "quarter", "week", "year"} {
			t := Totals{Tenant: "acme", Window: name, Group: group, Lo: 1459468000}
			for slot := range 40 {
				t.Values = append(t.Values, window.Entry{Slot: uint16(slot * 97), Value: int64(1 + slot*g)})
			}
			s.Totals = append(s.Totals, t)
		}
	}
	return s
}

func BenchmarkEncodeTotalsSet(b *testing.B) {
	set := busySet()
	var buffer []byte
	for b.Loop() {
		buffer = EncodeTotalsSet(buffer[:0], set)
	}
	b.ReportMetric(float64(len(buffer)), "bytes")
}

func BenchmarkDecodeTotalsSet(b *testing.B) {
	data := EncodeTotalsSet(nil, busySet())
	for b.Loop() {
		if _, err := DecodeTotalsSet(data); err != nil {
			b.Fatal(err)
		}
	}
}
