package scorecard

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Rule is how one KPI is scored. Bounds that a direction does not have are infinite.
type Rule struct {
	KPI, Quantile, Unit             string
	Direction                       string // lower, higher or band
	Weight                          float64
	ZeroBelow, Low, High, ZeroAbove float64

	windowed bool
}

// Score returns 0 to 100.
func (r *Rule) Score(value float64) float64 {
	switch {
	case value < r.Low:
		return max(0, 100*(value-r.ZeroBelow)/(r.Low-r.ZeroBelow))
	case value > r.High:
		return max(0, 100*(r.ZeroAbove-value)/(r.ZeroAbove-r.High))
	default:
		return 100
	}
}

// SQL returns Score as an expression of ClickHouse, NULL where the value is.
func (r *Rule) SQL(value string) string {
	sql := fmt.Sprintf("multiIf(%s IS NULL, NULL, ", value)
	if !math.IsInf(r.Low, 0) {
		sql += fmt.Sprintf("%s < %s, greatest(0., 100 * (%s - %s) / %s), ", value, literal(r.Low), value, literal(r.ZeroBelow), literal(r.Low-r.ZeroBelow))
	}
	if !math.IsInf(r.High, 0) {
		sql += fmt.Sprintf("%s > %s, greatest(0., 100 * (%s - %s) / %s), ", value, literal(r.High), literal(r.ZeroAbove), value, literal(r.ZeroAbove-r.High))
	}
	return sql + "100.)"
}

// literal writes a number that ClickHouse reads as a Float64.
func literal(v float64) string { return "toFloat64(" + strconv.FormatFloat(v, 'g', -1, 64) + ")" }

// Sheet is the rules of one post.
type Sheet struct {
	Post  string // "" for the default
	Names map[string]string
	Rules []Rule
}

// Scheme is all that is appraised.
type Scheme struct {
	standard Sheet
	posts    map[string]Sheet
}

// Sheets returns the default sheet, where there is one, and then those of the posts.
func (s *Scheme) Sheets() []Sheet {
	var out []Sheet
	for _, sheet := range s.posts {
		out = append(out, sheet)
	}
	slices.SortFunc(out, func(a, b Sheet) int { return cmp.Compare(a.Post, b.Post) })
	if len(s.standard.Rules) > 0 {
		out = slices.Insert(out, 0, s.standard)
	}
	return out
}

// subjects are whom a card is about, in the order of the cards.
var subjects = []struct {
	name string
	set  kpi.Set
}{
	{"post", 0},
	{"team", kpi.SetOf(kpi.Team)},
	{"agent", kpi.SetOf(kpi.AgentName)},
}

// Groups returns the breakdowns that cards are made of, so that they are kept live.
// Where posts have cards of their own, all are told apart by post too.
func (s *Scheme) Groups() []kpi.Set {
	var out []kpi.Set
	for _, subject := range subjects {
		if set := s.set(subject.set); set != 0 && len(s.Sheets()) > 0 {
			out = append(out, set)
		}
	}
	return out
}

func (s *Scheme) set(subject kpi.Set) kpi.Set {
	if len(s.posts) == 0 {
		return subject
	}
	return subject | kpi.SetOf(kpi.Post)
}

// Card is the appraisal of an agent, a team or a post in one period.
type Card struct {
	Tenant  string `json:"tenant"`
	Period  string `json:"period"`          // month
	Label   string `json:"label,omitempty"` // 2026-11; set by whoever knows the tenant's calendar
	Subject string `json:"subject"`         // agent, team or post
	Name    string `json:"name"`
	// Post is empty where the default card told no posts apart.
	Post string `json:"post"`
	// Score is the mean of the parts' scores by weight; nil where no part has data.
	Score *float64 `json:"score"`
	// Covered is the share of the weights whose parts have data.
	Covered float64     `json:"covered"`
	Parts   []Appraisal `json:"parts"`
}

// Appraisal is one part of a card. A bound that there is not is nil.
type Appraisal struct {
	KPI       string   `json:"kpi"`
	Quantile  string   `json:"quantile,omitempty"`
	Unit      string   `json:"unit"`
	Direction string   `json:"direction"`
	Value     *float64 `json:"value"`
	Low       *float64 `json:"low"`  // from here on the score is 100,
	High      *float64 `json:"high"` // up to here
	ZeroBelow *float64 `json:"zero_below"`
	ZeroAbove *float64 `json:"zero_above"`
	Weight    float64  `json:"weight"`
	Score     *float64 `json:"score"`
}

// Cards appraises all agents, teams and posts that have readings, in the order of tenant,
// subject (post, team, agent), post and name. KPIs that are read at an instant are taken
// as they are, the others in the period. Readings in other windows and groups are
// passed over, so it may be given all.
func (s *Scheme) Cards(p kpi.Period, readings []kpi.Reading) []Card {
	index := make(map[place]kpi.Value)
	people := make(map[person]bool)
	for i := range readings {
		r := &readings[i]
		who, ok := s.person(r)
		if !ok || r.Window != "" && r.Window != p.String() {
			continue
		}
		people[who] = true
		index[place{who, r.KPI, r.Window}] = r.Value
	}
	var out []Card
	for who := range people {
		sheet, ok := s.posts[who.post]
		if !ok {
			sheet = s.standard
		}
		if len(sheet.Rules) > 0 {
			out = append(out, card(p, who, &sheet, index))
		}
	}
	slices.SortFunc(out, func(a, b Card) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(rank(a.Subject), rank(b.Subject)), cmp.Compare(a.Post, b.Post), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// person is whom a card is about.
type person struct {
	tenant, post, name string
	subject            int
}

type place struct {
	person
	kpi, window string
}

// person returns whom a reading is about. Work that belongs to nobody has no card.
func (s *Scheme) person(r *kpi.Reading) (who person, ok bool) {
	for i, subject := range subjects {
		set := s.set(subject.set)
		if set == 0 || r.Group.Set != set {
			continue
		}
		who = person{tenant: r.Tenant, post: r.Group.Dims[kpi.Post], subject: i}
		switch subject.set {
		case 0:
			who.name = who.post
		default:
			who.name = r.Group.Dims[subject.set.Dimensions()[0]]
		}
		return who, who.name != ""
	}
	return who, false
}

func rank(subject string) int {
	for i := range subjects {
		if subjects[i].name == subject {
			return i
		}
	}
	return len(subjects)
}

func card(p kpi.Period, who person, sheet *Sheet, index map[place]kpi.Value) Card {
	c := Card{Tenant: who.tenant, Period: p.String(), Subject: subjects[who.subject].name, Name: who.name, Post: who.post}
	var scores, weights, all float64
	for i := range sheet.Rules {
		r := &sheet.Rules[i]
		at := place{who, r.KPI, ""}
		if r.windowed {
			at.window = p.String()
		}
		part := r.appraise(index[at])
		all += r.Weight
		if part.Score != nil {
			scores += r.Weight * *part.Score
			weights += r.Weight
		}
		c.Parts = append(c.Parts, part)
	}
	if weights > 0 {
		score := scores / weights
		c.Score = &score
	}
	c.Covered = weights / all
	return c
}

func (r *Rule) appraise(v kpi.Value) Appraisal {
	a := Appraisal{
		KPI: r.KPI, Quantile: r.Quantile, Unit: r.Unit, Direction: r.Direction, Weight: r.Weight, Value: v.Value,
		Low: finite(r.Low), High: finite(r.High), ZeroBelow: finite(r.ZeroBelow), ZeroAbove: finite(r.ZeroAbove),
	}
	if r.Quantile != "" {
		a.Value = nil
		if q, ok := v.Quantiles[r.Quantile]; ok {
			a.Value = &q
		}
	}
	if a.Value != nil {
		score := r.Score(*a.Value)
		a.Score = &score
	}
	return a
}

func finite(v float64) *float64 {
	if math.IsInf(v, 0) {
		return nil
	}
	return &v
}
