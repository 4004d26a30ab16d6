package oracle

import (
	"math/big"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// What customers say: complaints, answers to surveys, suggestions.

// complaint is a complaint whose receipt is known.
type complaint struct {
	id, customer, ticket, incident string
	raisedBy                       string // the id of the event
	subject                        uint8
	duplicate                      bool
	received, handled, closed      moment
	dims                           kpi.Dims
}

const aboutService = 1 // the subject, as in the wire contract

func (f *facts) findComplaints() {
	// Handled is with an outcome; being closed without one is none.
	handled := func(s *step) bool {
		return s.Action == kpi.ComplaintHandled || s.Action == kpi.ComplaintClosed && s.Outcome != ""
	}
	for _, l := range lives(f.events, kpi.Complaint, entity) {
		born := l.first(action(kpi.ComplaintReceived))
		if born < 0 {
			continue
		}
		c := complaint{
			id: l[0].Entity, dims: l.dims(), received: l.moment(born), raisedBy: l[born].ID,
			customer:  l.firstSaid(func(s *step) string { return s.Customer }),
			ticket:    l.firstSaid(func(s *step) string { return s.Ticket }),
			incident:  l.firstSaid(func(s *step) string { return s.Incident }),
			duplicate: l.has(func(s *step) bool { return s.DuplicateOf != "" }),
			handled:   l.moment(l.begun(len(l)-1, handled, action(kpi.ComplaintReopened))),
			closed:    l.moment(l.begun(len(l)-1, action(kpi.ComplaintClosed), action(kpi.ComplaintReopened))),
		}
		if i := l.first(func(s *step) bool { return s.Subject != 0 }); i >= 0 {
			c.subject = l[i].Subject
		}
		f.complaints = append(f.complaints, c)
	}
}

// received are the complaints of the window, each once.
func received(a *asker, dims func(*complaint) moment) (out []complaint) {
	f := a.outcome()
	for i := range f.complaints {
		if c := &f.complaints[i]; !c.duplicate && a.in(dims(c)) {
			out = append(out, *c)
		}
	}
	return out
}

func asReceived(c *complaint) moment { return c.received }

// byOutcome: raised then, and belonging to whom it was at the outcome, if there is one.
func (c *complaint) byOutcome() moment {
	m := c.received
	if c.handled.is {
		m.dims = c.handled.dims
	}
	return m
}

// answer is the latest score that one question of a survey was given.
type answer struct {
	id, customer, dimension string
	answered                moment
	score                   int64
}

func (f *facts) findAnswers() {
	question := func(ev *kpi.Event) string { return ev.Entity + "\x00" + ev.SurveyDimension }
	for _, l := range lives(f.events, kpi.Survey, question) {
		i := lastIndex(l, func(s *step) bool { return s.HasScore })
		if i < 0 {
			continue
		}
		f.answers = append(f.answers, answer{
			id: l[i].ID, customer: l.firstSaid(func(s *step) string { return s.Customer }),
			dimension: l[i].SurveyDimension, answered: l.moment(i).tied(tieOf(l[i].ID, 0)), score: l[i].Score,
		})
	}
}

// scores is the mean score of one dimension in the window.
func scores(a *asker, dimension string) Answer {
	var n, all int64
	for _, s := range a.outcome().answers {
		if s.dimension == dimension && a.in(s.answered) {
			n++
			all += s.score
		}
	}
	return ratio(points(all), number(n))
}

// respondents are the customers who answered in the window, and those whose latest answer
// was at or over the threshold.
func respondents(a *asker) (active, satisfied int64) {
	latest := map[string]answer{}
	for _, s := range a.outcome().answers {
		if s.dimension != "satisfaction" || s.customer == "" || s.answered.at >= a.hi {
			continue
		}
		if old := latest[s.customer]; later(old.answered, s.answered) == s.answered {
			latest[s.customer] = s
		}
	}
	for _, s := range latest {
		if !a.in(s.answered) {
			continue
		}
		active++
		if points(s.score).Cmp(a.optionNumber("satisfied_from")) >= 0 {
			satisfied++
		}
	}
	return active, satisfied
}

// suggestion is a suggestion whose receipt is known.
type suggestion struct {
	received, adopted, declined moment
}

// The actions of suggestions, as in the wire contract.
const (
	suggestionReceived kpi.Action = iota + 1
	suggestionAdopted
	suggestionDeclined
)

func (f *facts) findSuggestions() {
	for _, l := range lives(f.events, kpi.Suggestion, entity) {
		born := l.first(action(suggestionReceived))
		if born < 0 {
			continue
		}
		f.suggestions = append(f.suggestions, suggestion{
			received: l.moment(born),
			adopted:  l.moment(l.begun(len(l)-1, action(suggestionAdopted), action(suggestionDeclined))),
			declined: l.moment(l.begun(len(l)-1, action(suggestionDeclined), action(suggestionAdopted))),
		})
	}
}

func suggested(a *asker) (out []suggestion) {
	f := a.outcome()
	for i := range f.suggestions {
		if s := &f.suggestions[i]; a.in(s.received) {
			out = append(out, *s)
		}
	}
	return out
}

var voiceKPIs = map[string]definition{
	"complaint_count": func(a *asker) Answer { return amount(int64(len(received(a, asReceived)))) },
	"phone_complaint_ratio": func(a *asker) Answer {
		all := received(a, asReceived)
		return share(count(all, func(c *complaint) bool { return c.received.dims[kpi.Channel] == "phone" }), int64(len(all)))
	},
	"complaint_rate": func(a *asker) Answer {
		about := count(received(a, asReceived), func(c *complaint) bool {
			return a.option("complaint_subject") == "any" || c.subject == aboutService
		})
		return share(about, servicesRaised(a))
	},
	"complaint_handling_rate": func(a *asker) Answer {
		all := received(a, (*complaint).byOutcome)
		handled := count(all, func(c *complaint) bool { return c.handled.is })
		return share(handled, int64(len(all))).young(count(all, func(c *complaint) bool { return !c.handled.is && !c.closed.is }))
	},
	"satisfaction_score":    func(a *asker) Answer { return scores(a, "satisfaction") },
	"service_quality_score": func(a *asker) Answer { return scores(a, "quality") },
	"satisfied_customer_ratio": func(a *asker) Answer {
		if a.period {
			return nothing()
		}
		answered, satisfied := respondents(a)
		if a.option("satisfied_of") == "customers" {
			return share(satisfied, activeCustomers(a))
		}
		return share(satisfied, answered)
	},
	"survey_coverage": func(a *asker) Answer {
		if a.period {
			return nothing()
		}
		answered, _ := respondents(a)
		return share(answered, activeCustomers(a))
	},
	"suggestion_count": func(a *asker) Answer { return amount(int64(len(suggested(a)))) },
	"suggestion_adoption_rate": func(a *asker) Answer {
		all := suggested(a)
		undecided := count(all, func(s *suggestion) bool { return !s.adopted.is && !s.declined.is })
		return share(count(all, func(s *suggestion) bool { return s.adopted.is }), int64(len(all))).young(undecided)
	},
	// The weighted mean of the parts that have data, with equal weights.
	"service_quality_index": func(a *asker) Answer {
		return index(reliability(a), timeliness(a), scores(a, "safety").Value, scores(a, "personalisation").Value)
	},
}

func index(parts ...*big.Rat) Answer {
	sum, n := new(big.Rat), int64(0)
	for _, part := range parts {
		if part != nil {
			sum.Add(sum, part)
			n++
		}
	}
	return Answer{Value: divide(sum, number(n)), Parts: parts}
}
