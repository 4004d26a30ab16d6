package kpi

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/window"
)

var (
	knownTypes      = []string{string(Stock), string(Flow), string(Cohort), string(Periodic), string(Cumulative)}
	knownFormulas   = []string{string(Ratio), string(Plain), string(Distribution), string(Share), string(Index), string(Slowest)}
	knownDirections = []string{"lower", "higher", "band", "none"}
)

// check wants a definition that is whole, whatever its expressions say.
func (c *Catalogue) check(path string, d *Definition, builtin bool) error {
	for _, f := range []struct {
		field, value string
		allowed      []string
	}{{"type", string(d.Type), knownTypes}, {"formula", string(d.Formula), knownFormulas}, {"direction", d.Direction, knownDirections}} {
		if !slices.Contains(f.allowed, f.value) {
			return c.refuse(path+"."+f.field, "%q: use one of %s", f.value, strings.Join(f.allowed, ", "))
		}
	}
	if d.Unit == "" {
		return c.refuse(path+".unit", "it is missing: give one of ratio, seconds, money, points, count, or a word of your own")
	}
	if err := c.checkTexts(path, d, builtin); err != nil {
		return err
	}
	if err := c.checkTerms(path, d); err != nil {
		return err
	}
	for i, by := range d.By {
		if _, err := ParseSet(by); err != nil || by == "" {
			return c.refuse(path+".by["+strconv.Itoa(i)+"]", "%q: use one of %s, or several with commas", by, strings.Join(dimensionNames[:], ", "))
		}
	}
	return c.checkWindows(path, d)
}

// checkTexts wants names in three languages in the built-in file, and else one in English.
func (c *Catalogue) checkTexts(path string, d *Definition, builtin bool) error {
	languages := []string{"en"}
	if builtin {
		languages = []string{"en", "zh", "fa"}
	}
	for _, language := range languages {
		if d.Names[language] == "" {
			return c.refuse(path+".names", "no name in %s: give one", language)
		}
		if builtin && d.Descriptions[language] == "" {
			return c.refuse(path+".descriptions", "no description in %s: give one", language)
		}
	}
	if builtin && d.Source == "" {
		return c.refuse(path+".source", "it is missing: say where the definition comes from")
	}
	return nil
}

// checkTerms wants just the terms that the formula reads.
func (c *Catalogue) checkTerms(path string, d *Definition) error {
	parts := ""
	if len(d.Parts) > 0 {
		parts = "given"
	}
	given := []struct{ name, value string }{{"numerator", d.Numerator}, {"denominator", d.Denominator}, {"of", d.Of}, {"parts", parts}}
	wanted := map[Formula][]string{
		Ratio: {"numerator", "denominator"}, Plain: {"numerator"}, Share: {"numerator"},
		Distribution: {"of"}, Slowest: {"of"}, Index: {"parts"},
	}[d.Formula]
	for _, g := range given {
		switch want := slices.Contains(wanted, g.name); {
		case want && g.value == "":
			return c.refuse(path+"."+g.name, "it is missing: formula %s takes %s", d.Formula, strings.Join(wanted, " and "))
		case !want && g.value != "":
			return c.refuse(path+"."+g.name, "formula %s does not read it: leave it out, and give %s", d.Formula, strings.Join(wanted, " and "))
		}
	}
	if d.Formula == Slowest && len(d.By) != 1 {
		return c.refuse(path+".by", "%d breakdowns: formula slowest takes one dimension, whose slowest value it names", len(d.By))
	}
	if d.Immature != "" && d.Type != Cohort {
		return c.refuse(path+".immature", "a KPI of type %s has nothing immature: leave it out, or make it a cohort", d.Type)
	}
	return c.checkParts(path, d)
}

func (c *Catalogue) checkParts(path string, d *Definition) error {
	for i := range d.Parts {
		p, at := &d.Parts[i], path+".parts["+strconv.Itoa(i)+"]"
		switch {
		case p.Name == "" || p.Numerator == "" || p.Denominator == "":
			return c.refuse(at, "a part lacks its name, numerator or denominator: give all three")
		case p.Scale < 0 || p.Weight < 0:
			return c.refuse(at, "scale %v and weight %v: give positive ones", p.Scale, p.Weight)
		}
	}
	return nil
}

func (c *Catalogue) checkWindows(path string, d *Definition) error {
	for i, name := range d.Windows {
		at := path + ".windows[" + strconv.Itoa(i) + "]"
		_, period := ParsePeriod(name)
		switch _, err := window.Parse(name); {
		case !d.Windowed():
			return c.refuse(at, "%q: a KPI of type %s is read at an instant: leave windows out", name, d.Type)
		case !period && d.Type == Periodic:
			return c.refuse(at, "%q: a KPI of type period takes day, week, month, quarter or year", name)
		case !period && err != nil:
			return c.refuse(at, "%w; or day, week, month, quarter or year", err)
		}
	}
	return nil
}

// parseDuration reads "20s", "24h": a number alone is none.
func parseDuration(s string) (ms int64, ok bool) {
	d, err := time.ParseDuration(s)
	if err != nil || s == "0" {
		return 0, false
	}
	return d.Milliseconds(), true
}

func parseNumber(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && v-v == 0
}
