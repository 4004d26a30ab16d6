package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// folders says how the events of each kind are folded; a kind without a step is unused.
// Payments are folded into their invoice.
var folders [kpi.NumKinds]folder

func init() {
	folders[kpi.Ticket] = folder{
		fact: kpi.FactTicket, record: recordTicket, run: runClocks, step: stepTicket, finish: finishTicket,
		relate: together(relateTicket, relink, relateContact),
	}
	folders[kpi.Call] = folder{
		fact: kpi.FactCall, record: recordCall, step: stepCall, relate: together(relateReport, relateContact),
	}
	folders[kpi.Interaction] = folder{
		fact: kpi.FactInteraction, record: recordInteraction, step: stepInteraction, finish: finishInteraction,
		relate: together(relateContact, relateSession),
	}
	folders[kpi.Complaint] = folder{fact: kpi.FactComplaint, record: recordComplaint, step: stepComplaint, relate: relateReport}
	folders[kpi.Survey] = folder{fact: kpi.FactSurvey, record: recordSurvey, step: stepSurvey, relate: together(relateSurvey, relateQuestion)}
	folders[kpi.Suggestion] = folder{fact: kpi.FactSuggestion, record: recordSuggestion, step: stepSuggestion}
	folders[kpi.Cost] = folder{fact: kpi.FactCost, record: recordCost, step: stepCost, relate: relateCost}
	folders[kpi.Order] = folder{fact: kpi.FactOrder, record: recordOrder, step: stepOrder, relate: relateOrder}
	folders[kpi.Customer] = folder{
		fact: kpi.FactSubscription, record: recordSubscription, step: stepSubscription, relate: relateSubscription,
	}
	folders[kpi.Invoice] = folder{fact: kpi.FactInvoice, record: recordInvoice, step: stepInvoice, relate: together(relateInvoice, relatePayments)}
	folders[kpi.Agent] = folder{fact: kpi.FactAgent, record: recordAgent, step: stepAgent}
	folders[kpi.Opening] = folder{fact: kpi.FactOpening, since: extraAsOf, record: recordOpening, step: stepOpening}
}

// relating tells the threads what has become of an entity.
type relating func(e *Engine, i uint32, before, after *state, out *sink)

func together(parts ...relating) relating {
	return func(e *Engine, i uint32, before, after *state, out *sink) {
		for _, relate := range parts {
			relate(e, i, before, after, out)
		}
	}
}
