package engine

import (
	"math"
	"strconv"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// relateSurvey makes the customer a respondent, where it asks for satisfaction.
func relateSurvey(e *Engine, i uint32, before, after *state, _ *sink) {
	e.moveMark(e.answerOf(i, before), e.answerOf(i, after), (*Engine).countRespondent)
}

func (e *Engine) answerOf(i uint32, s *state) placed {
	if !s.exists || !s.is(kpi.SurveyIsAnswered) || s.x[xCustomer] == 0 || uint32(s.Fields[kpi.SurveyDimensionText]) != e.words.satisfaction {
		return placed{}
	}
	return placed{
		key: threadKey{kind: respondentThread, tenant: s.Tenant, a: uint32(s.x[xCustomer])},
		mark: mark{
			at: s.Fields[kpi.SurveyAnsweredAt], combo: s.combo[surveyAnswered],
			source: reportKey{kind: kpi.Survey, entity: i, event: uint64(s.x[xAnswerEvent])},
			flag:   s.Fields[kpi.SurveyScore] >= e.satisfiedFrom(),
		},
	}
}

func (e *Engine) countRespondent(m []mark, _ bool, sign int64) {
	e.latest(e.feeds.threads["respondent.active"], m, sign)
	if m[0].flag {
		e.latest(e.feeds.threads["respondent.satisfied"], m, sign)
	}
}

// satisfiedFrom is the score, in 10⁻⁶ of a point, from which a customer is satisfied.
func (e *Engine) satisfiedFrom() int64 {
	points := 80.0
	if o, ok := e.compiled.Catalogue.Option("satisfied_from"); ok {
		if n, err := strconv.ParseFloat(o.Current(), 64); err == nil {
			points = n
		}
	}
	return int64(math.Round(points * 1e6))
}
