package kpi

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// typicalTicket is what a helpdesk sends most: a reply to a ticket.
const typicalTicket = `{"id":"zd-90210044871","occurred_at":"2026-03-01T09:30:00.125Z","customer_id":"c-48151","team":"billing","agent":"sara.k","channel":"email","category":"invoice","priority":"high","ticket":{"ticket_id":"T-1001","action":"replied","role":"agent","public":true}}`

func typicalWire(t testing.TB, i int) []byte {
	t.Helper()
	m, err := ParseJSON([]byte(typicalTicket))
	if err != nil {
		t.Fatal(err)
	}
	m.Id = fmt.Sprintf("zd-%011d", i)
	wire, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func typicalBatch(t testing.TB, n int) []byte {
	var batch []byte
	for i := range n {
		batch = protowire.AppendTag(batch, 1, protowire.BytesType)
		batch = protowire.AppendBytes(batch, typicalWire(t, i))
	}
	return batch
}

func benchmarkDecode(b *testing.B, env Envelope, data []byte, events int) {
	var d Decoder
	bad := 0
	each := func(_ *Event, _ []byte, err error) {
		if err != nil {
			bad++
		}
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		d.Decode(env, data, each)
	}
	if bad != 0 {
		b.Fatalf("%d events were refused", bad)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}

func BenchmarkDecode(b *testing.B) {
	b.Run("one", func(b *testing.B) {
		benchmarkDecode(b, Envelope{Tenant: "acme", Kind: "ticket"}, typicalWire(b, 0), 1)
	})
	b.Run("batch100", func(b *testing.B) {
		benchmarkDecode(b, Envelope{Tenant: "acme", Kind: KindBatch}, typicalBatch(b, 100), 100)
	})
	b.Run("json", func(b *testing.B) {
		benchmarkDecode(b, Envelope{Tenant: "acme", Kind: "ticket", JSON: true}, []byte(typicalTicket), 1)
	})
}

// TestDecodeAllocates pins that protobuf costs no allocation, with labels and all.
func TestDecodeAllocates(t *testing.T) {
	batch := typicalBatch(t, 100)
	for _, text := range docEvents(t) {
		m, err := ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		wire, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		batch = protowire.AppendTag(batch, 1, protowire.BytesType)
		batch = protowire.AppendBytes(batch, wire)
	}
	var d Decoder
	each := func(_ *Event, raw []byte, err error) {
		if err != nil {
			t.Errorf("%v in %x", err, raw)
		}
	}
	env := Envelope{Tenant: "acme", Kind: KindBatch}
	if n := testing.AllocsPerRun(100, func() { d.Decode(env, batch, each) }); n != 0 {
		t.Errorf("decoding a batch allocates %v times, want 0", n)
	}
}
