package replay_test

import (
	"cmp"
	"encoding/json"
	"math"
	"math/big"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/services/replay"
)

// figure says which reading a value of a TRUTH.json is to equal. Those of one KPI stand
// together: the value at path.num is that of the field that fields gives for num.
type figure struct {
	// path is the name of the KPI in TRUTH.json and, where its value has several parts, the
	// names down to those that fields has. A * stands for any name; it can be used, as $, in
	// all that follows.
	path   string
	fields map[string]string // the reading's field by the last name of the path; "" where there is none
	kpi    string
	window string            // "" for what is read without one
	by     string            // "segment=2016-04"; "" for the whole
	names  map[string]string // what their names are here; for $ in by
	at     string            // the instant of the reading: a date is its midnight, "after $" is the first of the month after
	tenant string
	unit   float64 // ours in one of theirs; 1 where it is left out
}

// unlike lists values that no KPI of ours defines in the same way, and why.
type unlike struct{ path, reason string }

// Fields of readings under the names that the files have for them.
var (
	plain        = map[string]string{"": "value"}
	ratio        = map[string]string{"num": "numerator", "den": "denominator", "value": "value"}
	distribution = map[string]string{"n": "count", "mean": "value", "p50_nearest_rank": "p50", "p90_nearest_rank": "p90"}
	quantiles    = map[string]string{"n": "count", "p50_nearest_rank": "p50", "p90_nearest_rank": "p90"}
	meanOnly     = map[string]string{"n": "denominator", "mean": "value"}
)

const (
	interpolated = "our quantiles are nearest ranks; these are interpolated between two ranks"
	extreme      = "what is kept of times and amounts are sums and histograms, which add up over teams and windows and can be taken back; the least and the largest of all cannot"
)

// reading is a line of an offline replay.
type reading struct {
	At          string                 `json:"at"`
	Tenant      string                 `json:"tenant"`
	KPI         string                 `json:"kpi"`
	Window      string                 `json:"window"`
	By          map[string]string      `json:"by"`
	Value       *json.Number           `json:"value"`
	Numerator   *json.Number           `json:"numerator"`
	Denominator *json.Number           `json:"denominator"`
	Count       *json.Number           `json:"count"`
	Quantiles   map[string]json.Number `json:"quantiles"`
	Slowest     string                 `json:"slowest"`
}

// field returns one number of a reading; nil is none.
func (r *reading) field(t *testing.T, name string) *json.Number {
	t.Helper()
	switch name {
	case "value":
		return r.Value
	case "numerator":
		return r.Numerator
	case "denominator":
		return r.Denominator
	case "count":
		return r.Count
	}
	if q, ok := r.Quantiles[name]; ok {
		return &q
	}
	return nil
}

// key is what a reading is of. A group has at most one dimension here.
type key struct{ at, tenant, kpi, window, by string }

// readings runs an offline replay and indexes what it prints.
func readings(t *testing.T, c replay.Command) map[key]reading {
	t.Helper()
	c.Offline = true
	got := map[key]reading{}
	lines(t, c, func(line []byte) {
		var r reading
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		k := key{at: r.At, tenant: r.Tenant, kpi: r.KPI, window: r.Window}
		for dimension, value := range r.By {
			k.by = dimension + "=" + value
		}
		if _, twice := got[k]; twice || len(r.By) > 1 {
			t.Fatalf("unexpected reading %s", line)
		}
		got[k] = r
	})
	return got
}

// keys are the KPIs that figures read, for the command to print no more.
func keys(figures []figure) (out []string) {
	for _, f := range figures {
		if !slices.Contains(out, f.kpi) {
			out = append(out, f.kpi)
		}
	}
	return out
}

func instant(t *testing.T, at string) process.Instant {
	t.Helper()
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	return process.Instant{Time: when}
}

// value is one number of a TRUTH.json: a number, a decimal as text, or null.
type value struct {
	path []string
	raw  string
}

// values lists all numbers of a TRUTH.json.
func values(t *testing.T, dataset, file string) (out []value) {
	t.Helper()
	var truth struct {
		KPIs []struct {
			Name  string
			Value json.RawMessage
		}
	}
	readJSON(t, shared(t, dataset, file), &truth)
	if len(truth.KPIs) == 0 {
		t.Fatalf("%s of %s has no kpis", file, dataset)
	}
	for _, k := range truth.KPIs {
		out = flatten(t, out, []string{k.Name}, k.Value)
	}
	return out
}

func flatten(t *testing.T, out []value, path []string, raw json.RawMessage) []value {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || parts == nil {
		return append(out, value{slices.Clone(path), strings.Trim(string(raw), `"`)})
	}
	for name, part := range parts {
		out = flatten(t, out, append(path, name), part)
	}
	return out
}

// match reports whether a path of a file is that of a pattern, and what * stands for.
func match(pattern string, path []string) (star string, ok bool) {
	names := strings.Split(pattern, ".")
	if len(names) != len(path) {
		return "", false
	}
	for i, name := range names {
		if name == "*" {
			star = path[i]
		} else if name != path[i] {
			return "", false
		}
	}
	return star, true
}

// compare checks each value of a TRUTH.json against its readings. Each must have one, or
// be listed as unlike; and each figure and reason must have its value.
func compare(t *testing.T, truth []value, got map[key]reading, figures []figure, others []unlike) {
	t.Helper()
	used, checked := map[string]bool{}, 0
	for _, v := range truth {
		path := strings.Join(v.path, ".")
		equals, differs := 0, 0
		for i := range figures {
			f := &figures[i]
			if star, field, ok := f.find(v.path); ok {
				equals++
				used[f.path+" "+f.kpi] = true
				f.check(t, path, v.raw, star, field, got)
			}
		}
		for _, o := range others {
			if _, ok := match(o.path, v.path); ok {
				differs++
				used[o.path] = true
			}
		}
		checked += min(equals, 1)
		if differs > 1 || (equals > 0) == (differs > 0) {
			t.Errorf("%s: %d readings that it equals and %d reasons why there is none: want one or the other", path, equals, differs)
		}
	}
	for _, f := range figures {
		if !used[f.path+" "+f.kpi] {
			t.Errorf("%s: TRUTH.json has no such value", f.path)
		}
	}
	for _, o := range others {
		if !used[o.path] {
			t.Errorf("%s: TRUTH.json has no such value", o.path)
		}
	}
	t.Logf("%d of %d values checked; of the others the reasons are listed", checked, len(truth))
}

// find tells whether the figure says what a value is to equal, and which field.
func (f *figure) find(path []string) (star, field string, ok bool) {
	if field, ok := f.fields[""]; ok {
		star, ok := match(f.path, path)
		return star, field, ok
	}
	last := len(path) - 1
	star, ok = match(f.path, path[:last])
	field = f.fields[path[last]]
	return star, field, ok && field != ""
}

func (f *figure) check(t *testing.T, path, want, star, field string, got map[key]reading) {
	t.Helper()
	name := star
	if n, ok := f.names[star]; ok {
		name = n
	}
	k := key{at: f.instant(t, star), tenant: f.tenant, kpi: f.kpi, window: f.window, by: strings.ReplaceAll(f.by, "$", name)}
	r, ok := got[k]
	if !ok {
		t.Errorf("%s: no reading %+v", path, k)
		return
	}
	unit := 1.0
	if field != "count" && field != "numerator" && field != "denominator" {
		unit = cmp.Or(f.unit, 1)
	}
	if number := r.field(t, field); !equal(t, number, want, field, unit) {
		t.Errorf("%s = %s, want %s in units of %v (%s of %+v)", path, show(number), want, unit, field, k)
	}
}

// instant is when a figure is read.
func (f *figure) instant(t *testing.T, star string) string {
	at := strings.ReplaceAll(f.at, "$", star)
	if month, ok := strings.CutPrefix(at, "after "); ok {
		first, err := time.Parse("2006-01", month)
		if err != nil {
			t.Fatal(err)
		}
		return first.AddDate(0, 1, 0).Format(time.RFC3339)
	}
	if len(at) == len("2016-04-01") {
		return at + "T00:00:00Z"
	}
	return at
}

// equal compares whole numbers and decimals exactly, ratios and means to the six places
// that the files give, and quantiles within 1.1 %.
func equal(t *testing.T, got *json.Number, want, field string, unit float64) bool {
	t.Helper()
	if got == nil || want == "null" {
		return got == nil && want == "null"
	}
	if field != "value" && field != "numerator" && field != "denominator" && field != "count" {
		w := number(t, want)
		return math.Abs(number(t, got.String())/unit-w) <= 0.011*math.Abs(w)
	}
	ours, theirs := rational(t, got.String()), rational(t, want)
	if unit == 1 && ours.Cmp(theirs) == 0 {
		return true
	}
	if !strings.Contains(want, ".") && unit == 1 {
		return false
	}
	// A quotient: rounded to six places.
	return field == "value" && math.Abs(number(t, got.String())/unit-number(t, want)) <= 0.5e-6*1.001
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func rational(t *testing.T, text string) *big.Rat {
	t.Helper()
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return x
}

func show(x *json.Number) string {
	if x == nil {
		return "none"
	}
	return x.String()
}

// defaults fills in what figures leave out. A window of "none" is that of stocks.
func defaults(figures []figure, usual figure) []figure {
	out := slices.Clone(figures)
	for i := range out {
		f := &out[i]
		f.tenant, f.window, f.at = cmp.Or(f.tenant, usual.tenant), cmp.Or(f.window, usual.window), cmp.Or(f.at, usual.at)
		if f.window == "none" {
			f.window = ""
		}
	}
	return out
}

// instants are the days on which figures are read.
func instants(t *testing.T, truth []value, figures []figure) (out []string) {
	t.Helper()
	for _, v := range truth {
		for i := range figures {
			if star, _, ok := figures[i].find(v.path); ok {
				out = append(out, figures[i].instant(t, star)[:len("2016-04-01")])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// definitions is the path of a file of KPIs.
func definitions(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(repository(t), "docs", "examples", name)
}
