package scenario_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// row is one reading as a scenario writes it: what tells it from the others of its read,
// and its value.
type row struct {
	key   string // "open_tickets 24h team=red", or less
	value kpi.Value
	kpi   *kpi.Definition
}

// noValue is how a scenario writes that there is none.
const noValue = "–"

// String writes the row in full.
func (r *row) String() string {
	parts := []string{r.number(), r.details()}
	if r.key != "" {
		parts = slices.Insert(parts, 0, r.key)
	}
	return strings.TrimRight(strings.Join(parts, " "), " ")
}

// number writes the value itself.
func (r *row) number() string {
	v := &r.value
	switch {
	case v.Numerator != nil && v.Denominator != nil && (r.kpi.Formula == kpi.Ratio || r.kpi.Formula == kpi.Share):
		return decimal(*v.Numerator) + "/" + decimal(*v.Denominator)
	case v.Slowest != "":
		return strconv.Quote(v.Slowest)
	case v.Value == nil:
		return noValue
	case r.kpi.Unit == "seconds":
		return duration(*v.Value)
	default:
		return decimal(*v.Value)
	}
}

// details writes what stands behind the value.
func (r *row) details() string {
	var out []string
	v := &r.value
	if r.kpi.Formula == kpi.Distribution && v.Value != nil {
		out = append(out, fmt.Sprintf("n=%d", v.Count))
		for _, q := range []string{"p50", "p95"} {
			if seconds, ok := v.Quantiles[q]; ok {
				out = append(out, q+"="+duration(seconds))
			}
		}
	}
	for i := range v.Parts {
		if p := &v.Parts[i]; p.Value != nil {
			out = append(out, p.Name+"="+decimal(*p.Value))
		} else {
			out = append(out, p.Name+"="+noValue)
		}
	}
	if v.Immature != nil && *v.Immature != 0 {
		out = append(out, "immature="+decimal(*v.Immature))
	}
	return strings.Join(out, " ")
}

// matches reports whether the tokens of a line say the same as the row, with a reason
// where they do not.
func (r *row) matches(tokens []string) error {
	for i, token := range tokens {
		name, want, named := strings.Cut(token, "=")
		var err error
		switch {
		case i == 0 && !named:
			err = r.matchNumber(token)
		case !named:
			err = fmt.Errorf("%q is no part of a value: write name=value", token)
		default:
			err = r.matchDetail(name, want)
		}
		if err != nil {
			return err
		}
	}
	if len(tokens) == 0 {
		return fmt.Errorf("no value is given: write %s", noValue)
	}
	return nil
}

func (r *row) matchNumber(want string) error {
	v := &r.value
	if r.kpi.Formula == kpi.Slowest {
		if v.Slowest != strings.Trim(want, noValue) {
			return fmt.Errorf("the slowest is %q, not %s", v.Slowest, want)
		}
		return nil
	}
	if want == noValue {
		if v.Value != nil {
			return fmt.Errorf("there is a value, %s", r.number())
		}
		return nil
	}
	upper, lower, isRatio := strings.Cut(want, "/")
	num, err := quantity(upper)
	if err != nil || !isRatio {
		return cmpErr(err, same("value", v.Value, num))
	}
	den, err := quantity(lower)
	if err != nil {
		return err
	}
	if den != 0 && (r.kpi.Formula == kpi.Ratio || r.kpi.Formula == kpi.Share) {
		if err := cmpErr(same("numerator", v.Numerator, num), same("denominator", v.Denominator, den)); err != nil {
			return err
		}
	}
	if den == 0 {
		if v.Value != nil {
			return fmt.Errorf("there is a value, %v, of nothing", *v.Value)
		}
		return nil
	}
	return same("value", v.Value, num/den)
}

func (r *row) matchDetail(name, want string) error {
	v := &r.value
	for i := range v.Parts {
		if p := &v.Parts[i]; p.Name == name {
			if want == noValue && p.Value == nil {
				return nil
			}
			number, err := quantity(want)
			return cmpErr(err, same(name, p.Value, number))
		}
	}
	number, err := quantity(want)
	if err != nil {
		return err
	}
	count := float64(v.Count)
	switch name {
	case "n":
		return same("number of samples", &count, number)
	case "immature":
		return same("number of young ones", v.Immature, number)
	}
	got, ok := v.Quantiles[name]
	switch {
	case !ok:
		return fmt.Errorf("the value has no %s", name)
	case math.Abs(got-number) > 0.011*number:
		return fmt.Errorf("%s is %s, not within 1.1 %% of %s", name, duration(got), want)
	default:
		return nil
	}
}

// same reports a difference beyond what floats make of exact sums.
func same(what string, got *float64, want float64) error {
	switch {
	case got == nil:
		return fmt.Errorf("there is no %s, not %s", what, decimal(want))
	case math.Abs(*got-want) > 1e-9*max(1, math.Abs(want)):
		return fmt.Errorf("the %s is %s, not %s", what, decimal(*got), decimal(want))
	default:
		return nil
	}
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// quantity reads a number or a duration, the latter as seconds.
func quantity(text string) (float64, error) {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f, nil
	}
	sum, rest := 0.0, text
	if days, after, ok := strings.Cut(text, "d"); ok {
		f, err := strconv.ParseFloat(days, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is neither a number nor a duration", text)
		}
		sum, rest = f*86400, after
	}
	if rest == "" {
		return sum, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number nor a duration", text)
	}
	return sum + d.Seconds(), nil
}

// duration writes seconds as in 1d2h, 10m or 1.5s.
func duration(seconds float64) string {
	rounded := math.Round(seconds*1000) / 1000
	if rounded < 60 {
		return decimal(rounded) + "s"
	}
	var b strings.Builder
	for _, unit := range []struct {
		name   string
		length float64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}} {
		if n := math.Floor(rounded / unit.length); n > 0 {
			fmt.Fprintf(&b, "%.0f%s", n, unit.name)
			rounded -= n * unit.length
		}
	}
	if rounded = math.Round(rounded*1000) / 1000; rounded > 0 {
		b.WriteString(decimal(rounded) + "s")
	}
	return b.String()
}

// decimal writes a number without an exponent, to six places.
func decimal(f float64) string {
	return strconv.FormatFloat(math.Round(f*1e6)/1e6, 'f', -1, 64)
}
