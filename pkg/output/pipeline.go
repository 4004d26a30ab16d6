package output

import "github.com/prometheus/client_golang/prometheus"

// Pipeline counts what goes through a worker. Everything is safe for concurrent use.
type Pipeline struct {
	Events      *prometheus.CounterVec // by kind: decoded and handed to the engine
	Dropped     *prometheus.CounterVec // by reason: never counted in any KPI
	Duplicates  prometheus.Counter     // known events that came again
	Late        prometheus.Counter     // events older than the finest ring
	DeadLetters *prometheus.CounterVec // by reason
	Lag         *prometheus.GaugeVec   // by partition: messages
	Orphans     *prometheus.GaugeVec   // by partition: tickets
	Freshness   prometheus.Histogram   // seconds
	Apply       prometheus.Histogram   // seconds

	RowsWritten    *prometheus.CounterVec // by table
	RowsRejected   *prometheus.CounterVec // by table
	RowsPending    *prometheus.GaugeVec   // by partition
	HistoryErrors  *prometheus.CounterVec // by whether retrying can help: see CountHistoryError
	HistoryFlushed prometheus.Gauge       // Unix seconds
}

// NewPipeline registers the pipeline's metrics.
func NewPipeline(registerer prometheus.Registerer) *Pipeline {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Name: namespace + name, Help: help}
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Name: namespace + name, Help: help}
	}
	p := &Pipeline{
		Events:      prometheus.NewCounterVec(counter("events_total", "Events decoded and handed to the engine."), []string{"kind"}),
		Dropped:     prometheus.NewCounterVec(counter("events_dropped_total", "Events that count in no KPI, by reason."), []string{"reason"}),
		Duplicates:  prometheus.NewCounter(counter("events_duplicate_total", "Events that were known already.")),
		Late:        prometheus.NewCounter(counter("events_late_total", "Events that came too late for the finest ring and were counted in a coarser one.")),
		DeadLetters: prometheus.NewCounterVec(counter("dead_letters_total", "Messages put on the dead-letter stream, by reason."), []string{"reason"}),
		Lag:         prometheus.NewGaugeVec(gauge("stream_lag_messages", "Messages in the partition's stream that are not applied yet."), []string{"partition"}),
		Orphans:     prometheus.NewGaugeVec(gauge("orphan_tickets", "Tickets whose creation has not been seen; they count in no KPI."), []string{"partition"}),
		Freshness:   histogram("freshness_seconds", "From the broker's storing of an event until its reading can be scraped.", 0.005),
		Apply:       histogram("apply_duration_seconds", "Applying one fetched batch of events to the engine.", 0.0001),

		RowsWritten:    prometheus.NewCounterVec(counter("history_rows_written_total", "Rows that ClickHouse has confirmed."), []string{"table"}),
		RowsRejected:   prometheus.NewCounterVec(counter("history_rows_rejected_total", "Rows that ClickHouse will never take."), []string{"table"}),
		RowsPending:    prometheus.NewGaugeVec(gauge("history_rows_pending", "Rows that are changed and not yet confirmed by ClickHouse."), []string{"partition"}),
		HistoryErrors:  prometheus.NewCounterVec(counter("history_errors_total", "Writes that ClickHouse did not carry out."), []string{"kind"}),
		HistoryFlushed: prometheus.NewGauge(gauge("history_last_flush_timestamp_seconds", "When ClickHouse last confirmed all rows of a flush.")),
	}
	registerer.MustRegister(p.Events, p.Dropped, p.Duplicates, p.Late, p.DeadLetters, p.Lag, p.Orphans, p.Freshness, p.Apply,
		p.RowsWritten, p.RowsRejected, p.RowsPending, p.HistoryErrors, p.HistoryFlushed)
	for _, kind := range []string{"transient", "permanent"} {
		p.HistoryErrors.WithLabelValues(kind) // 0 is true from the start
	}
	return p
}

// histogram is both classic and native.
func histogram(name, help string, smallest float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: namespace + name, Help: help,
		Buckets:                        prometheus.ExponentialBuckets(smallest, 2, 14),
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 160,
	})
}

// CountHistoryError counts an error of Writer.Write.
func (p *Pipeline) CountHistoryError(err error) {
	kind := "permanent"
	if Retryable(err) {
		kind = "transient"
	}
	p.HistoryErrors.WithLabelValues(kind).Inc()
}
