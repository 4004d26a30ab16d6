package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// relateInvoice makes the subscription one that is billed in a local month.
func relateInvoice(e *Engine, i uint32, before, after *state, _ *sink) {
	e.moveMark(e.billOf(i, before), e.billOf(i, after), (*Engine).countBilled)
}

func (e *Engine) billOf(i uint32, s *state) placed {
	if !s.exists || s.x[xSubscriber] == 0 {
		return placed{}
	}
	at, calendar := s.Fields[kpi.InvoiceIssuedAt], e.calendar(s.Tenant)
	month := calendar.MonthIndex(calendar.Day(at / 1000))
	return placed{
		key: threadKey{kind: billedThread, tenant: s.Tenant, a: uint32(s.x[xSubscriber]), b: uint32(month)},
		mark: mark{
			at: at, combo: s.combo[invoiceIssued],
			source: reportKey{kind: kpi.Invoice, entity: i, event: uint64(s.x[xInvoiceEvent])},
		},
	}
}

func (e *Engine) countBilled(m []mark, earliest bool, sign int64) {
	if earliest {
		e.count(e.feeds.threads["billed.new"], m[0].combo, m[0].at, 0, sign, &e.sink)
	}
}
