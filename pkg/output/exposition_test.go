package output

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// gather writes the exposition, reads it back with Prometheus' own parser, and returns
// the value of each series, whose labels are sorted.
func gather(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(&text)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]float64)
	for name, f := range parsed {
		for _, m := range f.GetMetric() {
			flatten(out, name, m)
		}
	}
	return out
}

func flatten(out map[string]float64, name string, m *dto.Metric) {
	switch {
	case m.Gauge != nil:
		out[series(name, m)] = m.Gauge.GetValue()
	case m.Counter != nil:
		out[series(name, m)] = m.Counter.GetValue()
	case m.Histogram != nil:
		out[series(name+"_count", m)] = float64(m.Histogram.GetSampleCount())
		out[series(name+"_sum", m)] = m.Histogram.GetSampleSum()
		for _, b := range m.Histogram.GetBucket() {
			out[series(name+"_bucket", m, fmt.Sprintf("le=\"%g\"", b.GetUpperBound()))] = float64(b.GetCumulativeCount())
		}
	}
}

func series(name string, m *dto.Metric, more ...string) string {
	labels := more
	for _, l := range m.GetLabel() {
		labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	slices.Sort(labels)
	if len(labels) == 0 {
		return name
	}
	return name + "{" + strings.Join(labels, ",") + "}"
}
