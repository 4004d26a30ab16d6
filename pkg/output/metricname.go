package output

import (
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

const namespace = "deskpulse_"

// notBase are words for units that Prometheus does without: metrics are in seconds.
var notBase = map[string]string{"minutes": "seconds", "hours": "seconds", "days": "seconds"}

// metricBase is the name of a KPI's metrics without the unit. What ends in _count would
// pass for a part of a histogram, so that complaint_count becomes complaints.
func metricBase(key string) string {
	words := strings.Split(key, "_")
	for i, w := range words {
		if base, ok := notBase[w]; ok {
			words[i] = base
		}
	}
	if n := len(words); n > 1 && words[n-1] == "count" {
		words = words[:n-1]
		words[n-2] += "s"
	}
	return strings.Join(words, "_")
}

// withUnit appends the unit to a name, unless the name says it already or it is a count.
func withUnit(name, unit string) string {
	last := unit[strings.LastIndexByte(unit, '_')+1:]
	switch words := "_" + name + "_"; {
	case unit == "" || unit == "count":
		return name
	case strings.Contains(words, "_"+unit+"_") && unit == "seconds", strings.HasSuffix(name, "_"+last):
		return name
	}
	return name + "_" + unit
}

// MetricNames are the names under which a KPI is exposed to Prometheus: the first is its
// value, or its quantiles.
func MetricNames(d *kpi.Definition) []string {
	base := metricBase(d.Key)
	names := []string{namespace + withUnit(base, d.Unit)}
	switch d.Formula {
	case kpi.Distribution:
		names = append(names, namespace+withUnit(base+"_mean", d.Unit), namespace+base+"_samples")
	case kpi.Index:
		names = append(names, namespace+withUnit(base+"_part", d.Unit))
	}
	if d.Immature != "" {
		names = append(names, namespace+base+"_immature")
	}
	return names
}
