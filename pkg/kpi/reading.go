package kpi

import (
	"fmt"
	"time"
)

// Reading is one KPI in one window for one group.
type Reading struct {
	Tenant string
	KPI    string
	Window string // "7d", "all", "month"; empty where the KPI is not Windowed
	Group  Group
	Value  Value
}

// Value is what a formula gives. Durations are in seconds, ratios 0–1.
type Value struct {
	// Value is nil where there is none: a ratio over nothing, a mean of no samples.
	Value *float64
	// Numerator is set for ratio, value and share, and Denominator for ratio and share,
	// where they have a value.
	Numerator, Denominator *float64
	Count                  int64              // of a distribution: the number of samples
	Quantiles              map[string]float64 // of a distribution, in seconds
	Immature               *float64           // of a cohort: how many outcomes may still come
	Parts                  []PartValue        // of an index, as many as it is defined with
	Slowest                string             // which value of the dimension is the slowest
}

// PartValue is one part of an index.
type PartValue struct {
	Name   string
	Value  *float64 // nil: no data, and so left out
	Weight float64  // its share in the index, 0–1; 0 where it is left out
}

// Input is what a KPI is evaluated from: one group at one instant.
type Input struct {
	At       int64   // Unix seconds
	Window   *Totals // of a KPI that is Windowed; nil is the same as without anything in it
	All      *Totals // of the same group, window all; nil likewise
	Whole    *Input  // of share: the same window for the whole tenant
	Siblings []Sibling
}

// Sibling is, for slowest, the same window of the group narrowed to one value of the
// dimension that it looks for.
type Sibling struct {
	Name   string
	Window *Totals
}

// AppendReadingJSON appends one reading at an instant, in Unix seconds, as a JSON object
// on one line, without a line feed: what replays print and boards serve. Durations are
// in seconds. A stock has no window, and where there is no value it is null.
func AppendReadingJSON(dst []byte, at int64, r *Reading, d *Definition) []byte {
	dst = append(dst, `{"at":"`...)
	dst = time.Unix(at, 0).UTC().AppendFormat(dst, time.RFC3339)
	dst = appendString(append(dst, `","tenant":`...), r.Tenant)
	dst = appendString(append(dst, `,"kpi":`...), r.KPI)
	if d.Windowed() {
		dst = appendString(append(dst, `,"window":`...), r.Window)
	}
	dst = appendGroup(append(dst, `,"by":`...), &r.Group)
	dst = appendOptional(append(dst, `,"value":`...), r.Value.Value)
	return append(appendDetails(dst, &r.Value, d), '}')
}

// appendDetails writes what a formula gives beside its value.
func appendDetails(dst []byte, v *Value, d *Definition) []byte {
	switch d.Formula {
	case Ratio, Share:
		dst = appendOptional(append(dst, `,"numerator":`...), v.Numerator)
		dst = appendOptional(append(dst, `,"denominator":`...), v.Denominator)
	case Distribution:
		dst = fmt.Appendf(dst, `,"count":%d,"quantiles":`, v.Count)
		dst = appendQuantiles(dst, v.Quantiles)
	case Index:
		dst = appendParts(append(dst, `,"parts":`...), v.Parts)
	case Slowest:
		dst = appendString(append(dst, `,"slowest":`...), v.Slowest)
	}
	if v.Immature != nil {
		dst = appendOptional(append(dst, `,"immature":`...), v.Immature)
	}
	return dst
}

func appendOptional(dst []byte, v *float64) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	return appendDouble(dst, *v)
}

func appendParts(dst []byte, parts []PartValue) []byte {
	dst = append(dst, '[')
	for i := range parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"name":`...), parts[i].Name)
		dst = appendOptional(append(dst, `,"value":`...), parts[i].Value)
		dst = appendDouble(append(dst, `,"weight":`...), parts[i].Weight)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendGroup(dst []byte, g *Group) []byte {
	dst = append(dst, '{')
	for i, d := range g.Set.Dimensions() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, d.String()), ':')
		dst = appendString(dst, g.Dims[d])
	}
	return append(dst, '}')
}

func appendQuantiles(dst []byte, quantiles map[string]float64) []byte {
	dst = append(dst, '{')
	first := true
	for _, q := range Quantiles {
		value, ok := quantiles[q.Name]
		if !ok {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, q.Name), ':')
		dst = appendDouble(dst, value)
	}
	return append(dst, '}')
}
