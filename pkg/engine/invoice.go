package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// Extra numbers of the records of an invoice and of its payments, after the amount. The
// type is the kind of the event, the text the subscription that is billed.
const (
	extraDue     = extraAmount + 1 + iota
	extraPayment // hash of the payment's id
)

// Scratch of an invoice's state.
const (
	xPaid         = xOwn + iota // paid or written off, in 10⁻⁴ of the currency
	xSubscriber                 // symbol
	xInvoiceCombo               // of the invoice's own events
	xInvoiceEvent               // hash of the id of the event that holds
)

// invoiceIssued is the index of that instant in the combinations of an invoice.
const invoiceIssued = 1

// recordInvoice takes invoices and their payments.
func recordInvoice(e *Engine, ev *kpi.Event, r *record) {
	r.extra[extraType], r.extra[extraAmount] = int64(ev.Kind), ev.Amount
	if ev.Kind == kpi.Payment {
		r.extra[extraPayment] = int64(hash(ev.Entity))
		e.takePart(ev)
		return
	}
	r.extra[extraText] = int64(e.symbols.id(ev.Subscriber))
	r.extra[extraDue] = ev.Due
}

// stepInvoice folds one record into an invoice: given again, the last one holds. Payments
// change nothing but what is unpaid.
func stepInvoice(e *Engine, s *state, r *record, _ *sink) {
	if kpi.Kind(r.extra[extraType]) == kpi.Payment {
		s.x[xPaid] += r.extra[extraAmount] - e.paidBefore(r)
	} else {
		s.exists, s.x[xInvoiceEvent] = true, int64(r.id)
		s.x[xInvoiceCombo] = int64(e.overlay(uint32(s.x[xInvoiceCombo]), r.combo))
		s.Fields[kpi.InvoiceIssuedAt], s.Fields[kpi.InvoiceOverdueAt] = r.at, r.extra[extraDue]
		s.Fields[kpi.InvoiceAmount] = r.extra[extraAmount]
		s.x[xSubscriber] = r.extra[extraText]
		s.combo[invoiceIssued] = uint32(s.x[xInvoiceCombo])
	}
	s.combo[current] = uint32(s.x[xInvoiceCombo])
	s.Fields[kpi.InvoiceUnpaid] = max(0, s.Fields[kpi.InvoiceAmount]-s.x[xPaid])
	s.set(kpi.InvoiceIsPaid, s.Fields[kpi.InvoiceUnpaid] == 0)
}

// paidBefore is what the payment of a record came to as it was given before.
func (e *Engine) paidBefore(r *record) int64 {
	for k := len(e.past) - 1; k >= 0; k-- {
		if p := &e.past[k]; kpi.Kind(p.extra[extraType]) == kpi.Payment && p.extra[extraPayment] == r.extra[extraPayment] {
			return p.extra[extraAmount]
		}
	}
	return 0
}
