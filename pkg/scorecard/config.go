package scorecard

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/process"
)

// Config is the scorecards of a configuration file.
type Config struct {
	// Default is the card of every post that has none of its own, and of work without a
	// post. Without it there are no such cards.
	Default []Part `yaml:"default"`
	// Posts are cards by post: the value of the dimension post.
	Posts map[string]Post `yaml:"posts"`
}

// Post is the card of a post.
type Post struct {
	Names map[string]string `yaml:"names"` // by language: en, zh, fa; the post itself where it is left out
	Parts []Part            `yaml:"parts"`
}

// Part is one KPI on a card. Amounts are numbers in the KPI's unit, and can be written as
// durations (5m) where it is seconds, or as 95% or 3‰ where it is a ratio.
type Part struct {
	KPI string `yaml:"kpi"`
	// Quantile is p50, p90, p95 or p99 of a distribution, instead of its mean.
	Quantile string `yaml:"quantile"`
	// Weight is over 0; what counts is its share in the sum of the card's.
	Weight float64 `yaml:"weight"`
	// Direction is lower or higher, where the catalogue gives none or another.
	Direction string `yaml:"direction"`
	// Target scores 100, and so does what is better. Without it and Band it is the target
	// of the catalogue.
	Target string `yaml:"target"`
	// Band is the least and the greatest value that score 100.
	Band []string `yaml:"band"`
	// ZeroBelow is where the score reaches 0 on the way down: of higher, 0 where it is left
	// out; of a band, one width of the band under it.
	ZeroBelow string `yaml:"zero_below"`
	// ZeroAbove is where the score reaches 0 on the way up: of lower, twice the target
	// where it is left out; of a band, one width of the band over it.
	ZeroAbove string `yaml:"zero_above"`
}

// New makes a scheme of the configuration. Errors are *process.FieldError, several of
// them joined; their paths begin with "scorecards".
func New(config *Config, catalogue *kpi.Catalogue) (*Scheme, error) {
	s := &Scheme{posts: make(map[string]Sheet)}
	sheet, err := newSheet("scorecards.default", "", nil, config.Default, catalogue)
	s.standard = sheet
	errs := []error{err}
	for _, post := range slices.Sorted(maps.Keys(config.Posts)) {
		path, p := "scorecards.posts."+post, config.Posts[post]
		switch {
		case post == "":
			errs = append(errs, mistake("scorecards.posts", "a post has no name", "give it the one that events carry, or use default"))
		case len(p.Parts) == 0:
			errs = append(errs, mistake(path, "it has no parts", "list at least one kpi under parts"))
		}
		sheet, err := newSheet(path+".parts", post, p.Names, p.Parts, catalogue)
		s.posts[post] = sheet
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

func mistake(path, problem, remedy string) error {
	return &process.FieldError{Path: path, Problem: problem, Remedy: remedy}
}

func newSheet(path, post string, names map[string]string, parts []Part, catalogue *kpi.Catalogue) (Sheet, error) {
	sheet := Sheet{Post: post, Names: names}
	var errs []error
	for i := range parts {
		at := fmt.Sprintf("%s[%d]", path, i)
		rule, err := newRule(at, &parts[i], catalogue)
		if slices.ContainsFunc(sheet.Rules, func(r Rule) bool { return r.KPI == rule.KPI && r.Quantile == rule.Quantile }) {
			err = mistake(at+".kpi", fmt.Sprintf("%q is given twice", rule.KPI), "take one away, or give them different quantiles")
		}
		sheet.Rules = append(sheet.Rules, rule)
		errs = append(errs, err)
	}
	return sheet, errors.Join(errs...)
}

func newRule(path string, p *Part, catalogue *kpi.Catalogue) (Rule, error) {
	r := Rule{KPI: p.KPI, Quantile: p.Quantile, Weight: p.Weight}
	d, ok := catalogue.Find(p.KPI)
	if !ok {
		return r, mistake(path+".kpi", fmt.Sprintf("%q is not in the catalogue", p.KPI), "see `deskpulse kpi list`")
	}
	r.Unit, r.windowed = d.Unit, d.Windowed()
	if p.Quantile != "" && (d.Formula != kpi.Distribution || !isQuantile(p.Quantile)) {
		return r, mistake(path+".quantile", fmt.Sprintf("%s has no %q", p.KPI, p.Quantile), "use p50, p90, p95 or p99 of a distribution, or leave it out")
	}
	if !(p.Weight > 0) || math.IsInf(p.Weight, 0) {
		return r, mistake(path+".weight", fmt.Sprintf("%v is no weight", p.Weight), "give a number over 0")
	}
	if len(p.Band) > 0 {
		return r, r.setBand(path, p)
	}
	return r, r.setTarget(path, p, d)
}

func isQuantile(name string) bool {
	for _, q := range kpi.Quantiles {
		if q.Name == name {
			return true
		}
	}
	return false
}

func (r *Rule) setBand(path string, p *Part) (err error) {
	r.Direction = "band"
	switch {
	case p.Target != "":
		return mistake(path+".target", "it stands beside a band", "give one of them")
	case p.Direction != "" && p.Direction != "band":
		return mistake(path+".direction", fmt.Sprintf("a band is not %q", p.Direction), "leave it out, or give a target instead of the band")
	case len(p.Band) != 2:
		return mistake(path+".band", fmt.Sprintf("it has %d values", len(p.Band)), "give the least and the greatest")
	}
	if r.Low, err = amount(path+".band[0]", p.Band[0], r.Unit, 0); err != nil {
		return err
	}
	if r.High, err = amount(path+".band[1]", p.Band[1], r.Unit, 0); err != nil {
		return err
	}
	if r.Low > r.High {
		return mistake(path+".band", "the least is over the greatest", "change their order")
	}
	width := r.High - r.Low
	if r.ZeroBelow, err = amount(path+".zero_below", p.ZeroBelow, r.Unit, r.Low-width); err != nil {
		return err
	}
	if r.ZeroAbove, err = amount(path+".zero_above", p.ZeroAbove, r.Unit, r.High+width); err != nil {
		return err
	}
	return r.checkZeros(path)
}

func (r *Rule) setTarget(path string, p *Part, d *kpi.Definition) (err error) {
	r.Direction = p.Direction
	if r.Direction == "" {
		r.Direction = d.Direction
	}
	if r.Direction != "lower" && r.Direction != "higher" {
		return mistake(path+".direction", fmt.Sprintf("of %s it is %q", p.KPI, r.Direction), "say lower or higher, or give a band")
	}
	if p.Target == "" && d.Target == nil {
		return mistake(path+".target", p.KPI+" has none", "give a target or a band")
	}
	var target float64
	if d.Target != nil {
		target = *d.Target
	}
	if target, err = amount(path+".target", p.Target, r.Unit, target); err != nil {
		return err
	}
	r.Low, r.High, r.ZeroBelow, r.ZeroAbove = math.Inf(-1), math.Inf(1), math.Inf(-1), math.Inf(1)
	if r.Direction == "lower" {
		if p.ZeroBelow != "" {
			return mistake(path+".zero_below", "lower is better, so nothing is too low", "use zero_above, or give a band")
		}
		r.High = target
		r.ZeroAbove, err = amount(path+".zero_above", p.ZeroAbove, r.Unit, 2*target)
	} else {
		if p.ZeroAbove != "" {
			return mistake(path+".zero_above", "higher is better, so nothing is too high", "use zero_below, or give a band")
		}
		r.Low = target
		r.ZeroBelow, err = amount(path+".zero_below", p.ZeroBelow, r.Unit, 0)
	}
	if err != nil {
		return err
	}
	return r.checkZeros(path)
}

// checkZeros refuses slopes that are upright or lean the wrong way.
func (r *Rule) checkZeros(path string) error {
	if !math.IsInf(r.Low, 0) && r.ZeroBelow >= r.Low {
		return mistake(path+".zero_below", fmt.Sprintf("%v is not under %v, where the score is 100", r.ZeroBelow, r.Low), "give a smaller value")
	}
	if !math.IsInf(r.High, 0) && r.ZeroAbove <= r.High {
		return mistake(path+".zero_above", fmt.Sprintf("%v is not over %v, where the score is 100", r.ZeroAbove, r.High), "give a greater value")
	}
	return nil
}

// amount reads an amount in a unit; "" is otherwise.
func amount(path, text, unit string, otherwise float64) (float64, error) {
	if text == "" {
		return otherwise, nil
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		return v, nil
	}
	switch unit {
	case "seconds":
		if d, err := time.ParseDuration(text); err == nil {
			return d.Seconds(), nil
		}
		return 0, mistake(path, fmt.Sprintf("%q is no duration", text), "write it as in 90s, 5m or 8h, or as a number of seconds")
	case "ratio":
		for sign, per := range map[string]float64{"%": 100, "‰": 1000} {
			number, found := strings.CutSuffix(text, sign)
			if v, err := strconv.ParseFloat(strings.TrimSpace(number), 64); found && err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
				return v / per, nil
			}
		}
		return 0, mistake(path, fmt.Sprintf("%q is no ratio", text), "write it as in 95% or 0.95")
	default:
		return 0, mistake(path, fmt.Sprintf("%q is no number", text), "give a number of "+unit)
	}
}
