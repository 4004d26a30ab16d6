package board

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the board's own.
type metrics struct {
	refused prometheus.Counter
	slow    prometheus.Counter
	events  prometheus.Counter
}

func newMetrics(b *Board, reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		refused: counter("deskpulse_board_streams_refused_total", "Event streams refused because too many were open."),
		slow:    counter("deskpulse_board_streams_broken_total", "Event streams given up because the client stopped reading or went away during a write."),
		events:  counter("deskpulse_board_stream_events_total", "Events sent to the clients of event streams."),
	}
	if reg == nil {
		return m, nil
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "deskpulse_board_streams", Help: "Open event streams.",
	}, func() float64 { return float64(b.streams.Load()) })
	for _, c := range []prometheus.Collector{m.refused, m.slow, m.events, open} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("board metrics: %w", err)
		}
	}
	return m, nil
}
