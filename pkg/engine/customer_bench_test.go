package engine_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/deskpulse/deskpulse/pkg/engine"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// BenchmarkOrder gives one more order to a customer who has 5,000, an hour or a minute
// apart: the newest or, late, one among them.
func BenchmarkOrder(b *testing.B) {
	for _, c := range []struct {
		option string
		apart  time.Duration
		late   bool
	}{
		{"period", time.Hour, false}, {"period", time.Minute, false}, {"period", time.Hour, true},
		{"90d", time.Hour, false}, {"ever", time.Hour, false}, {"ever", time.Hour, true},
	} {
		b.Run(fmt.Sprintf("active_customer=%s/apart=%s/late=%t", c.option, c.apart, c.late), func(b *testing.B) {
			benchmarkOrder(b, c.option, c.apart, c.late)
		})
	}
}

func benchmarkOrder(b *testing.B, option string, apart time.Duration, late bool) {
	const orders = 5000
	cfg := benchConfig(b)
	cfg.NoHistory = true // nobody confirms its rows
	if err := cfg.Catalogue.SetOption("active_customer", option); err != nil {
		b.Fatal(err)
	}
	e, err := engine.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	run := runner{e: e}
	n := 0
	draw := func(at time.Time) func() *deskpulsev1.Event {
		return func() *deskpulsev1.Event {
			n++
			return &deskpulsev1.Event{
				Id: fmt.Sprintf("e-%d", n), OccurredAt: timestamppb.New(at), CustomerId: "c",
				Body: &deskpulsev1.Event_Order{Order: &deskpulsev1.Order{OrderId: fmt.Sprintf("o-%d", n), Amount: "1", Currency: "EUR"}},
			}
		}
	}
	at := time.UnixMilli(testStart * 1000)
	for range orders {
		run.batch(b, batches(b, 1, 1, draw(at))[0])
		at = at.Add(apart)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		now := at
		if at = at.Add(apart); late {
			now = time.UnixMilli(testStart * 1000).Add(orders / 2 * apart).Add(time.Duration(n) * time.Second)
		}
		input := batches(b, 1, 1, draw(now))[0]
		b.StartTimer()
		run.batch(b, input)
	}
}
