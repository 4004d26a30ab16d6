package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// The action of a survey that is sent, as in the wire contract.
const surveySent kpi.Action = 1

// surveyAnswered is the index of that instant in the combinations of a survey.
const surveyAnswered = 1

// extraScore is the score + 1, so that 0 is none.
const extraScore = extraText + 1

// Scratch of a survey's state, beside the customer.
const xAnswerEvent = xContactOwn // hash of the id of the event that gave the score

func recordSurvey(e *Engine, ev *kpi.Event, r *record) {
	r.extra[extraCustomer] = int64(e.symbols.id(ev.Customer))
	r.extra[extraText] = int64(e.symbols.id(ev.SurveyDimension))
	if ev.HasScore {
		r.extra[extraScore] = ev.Score + 1
	}
	e.takePart(ev)
}

// stepSurvey folds one record into one question of a survey: the latest score holds.
func stepSurvey(_ *Engine, s *state, r *record, _ *sink) {
	s.exists = true
	first(&s.x[xCustomer], r.extra[extraCustomer])
	s.Fields[kpi.SurveyDimensionText] = r.extra[extraText]
	if r.action == surveySent {
		first(&s.Fields[kpi.SurveySentAt], r.at)
	}
	if score := r.extra[extraScore]; score != 0 {
		s.happen(kpi.SurveyIsAnswered, kpi.SurveyAnsweredAt, surveyAnswered, r.at)
		s.Fields[kpi.SurveyScore] = score - 1
		s.x[xAnswerEvent] = int64(r.id)
	}
}
