package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// folders says how the events of each kind are folded; a kind without a step is unused.
// Payments are folded into their invoice.
var folders [kpi.NumKinds]folder

func init() {
	folders[kpi.Ticket] = folder{fact: kpi.FactTicket, record: recordTicket, step: stepTicket, finish: finishTicket, relate: relateTicket}
}
