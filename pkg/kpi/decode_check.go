package kpi

import (
	"strings"
	"time"
)

// checks holds, by kind, what turns the raw parts of a body into the event's and
// refuses what cannot be.
var checks = [numKinds]func(*Decoder) *FieldError{
	Ticket:      (*Decoder).checkTicket,
	Call:        (*Decoder).checkCall,
	Interaction: (*Decoder).checkNothing,
	Complaint:   (*Decoder).checkNothing,
	Survey:      (*Decoder).checkSurvey,
	Suggestion:  (*Decoder).checkNothing,
	Cost:        (*Decoder).checkCost,
	Order:       (*Decoder).checkOrder,
	Customer:    (*Decoder).checkNothing,
	Invoice:     (*Decoder).checkInvoice,
	Payment:     (*Decoder).checkPayment,
	Agent:       (*Decoder).checkNothing,
	Opening:     (*Decoder).checkOpening,
	Void:        (*Decoder).checkVoid,
}

// entityNames holds the names of the fields that identify the entities, by kind.
var entityNames = [numKinds]string{
	Ticket: "ticket_id", Call: "call_id", Interaction: "interaction_id",
	Complaint: "complaint_id", Survey: "survey_id", Suggestion: "suggestion_id",
	Cost: "cost_id", Order: "order_id", Customer: "subscription_id", Invoice: "invoice_id",
	Payment: "payment_id", Opening: "opening_id", Void: "entity_id",
}

const remedyTenant = "use 1 to 64 of the characters A-Z a-z 0-9 _ -"

// checkEnvelope checks what holds for all events of a message.
func checkEnvelope(env Envelope) error {
	if env.Tenant != "" && !isTenant(env.Tenant) {
		return refuse("tenant", env.Tenant, ReasonInvalid, remedyTenant)
	}
	if _, ok := ParseKind(env.Kind); !ok && env.Kind != "" && env.Kind != KindBatch {
		return refuse("kind", env.Kind, ReasonUnknown, "use a subject whose kind is batch or one of "+strings.Join(kindNames[1:], ", "))
	}
	return nil
}

func isTenant(s string) bool { return s != "" && len(s) <= 64 && isToken(s) }

// check completes d.event from d.raw and refuses what cannot be.
func (d *Decoder) check(env Envelope) *FieldError {
	ev := &d.event
	if err := checkID(ev.ID, "id"); err != nil {
		return err
	}
	if err := d.checkTenant(env.Tenant); err != nil {
		return err
	}
	if ev.Kind == 0 {
		return missing("body", "add what the event is about: one of "+strings.Join(bodyNames[1:], ", "))
	}
	if env.Kind != "" && env.Kind != kindNames[ev.Kind] {
		return refuse(bodyNames[ev.Kind], env.Kind, ReasonMismatch, "publish it under the kind "+kindNames[ev.Kind])
	}
	if !d.raw.occurred.set {
		return missing("occurred_at", "add when it happened, in RFC 3339")
	}
	var err *FieldError
	if ev.At, err = d.raw.occurred.millis("occurred_at"); err != nil {
		return err
	}
	if len(d.labels) > 0 && d.labels[0].Name == "" {
		return missing("labels", "give each label a name")
	}
	return d.checkBody()
}

func (d *Decoder) checkTenant(subject string) *FieldError {
	switch ev := &d.event; {
	case ev.Tenant == "" && subject == "":
		return missing("tenant", "add the tenant to the event or to the subject")
	case ev.Tenant == "":
		ev.Tenant = subject
	case ev.Tenant == subject:
	case subject != "":
		return refuse("tenant", ev.Tenant, ReasonMismatch, "publish it under the tenant's own subject, or leave tenant out")
	case !isTenant(ev.Tenant):
		return refuse("tenant", ev.Tenant, ReasonInvalid, remedyTenant)
	}
	return nil
}

func (d *Decoder) checkBody() *FieldError {
	ev := &d.event
	if ev.Kind == Agent {
		if ev.Dims[AgentName] == "" {
			return missing("agent", "add the agent whose state this is")
		}
		ev.Entity = ev.Dims[AgentName]
	} else if err := checkID(ev.Entity, entityNames[ev.Kind]); err != nil {
		return err.in(bodyNames[ev.Kind])
	}
	if e := actions[ev.Kind]; e != nil && ev.Action == 0 {
		return missing("action", e.remedy()).in(bodyNames[ev.Kind])
	}
	return checks[ev.Kind](d).in(bodyNames[ev.Kind])
}

func checkID(id, name string) *FieldError {
	switch {
	case id == "":
		return missing(name, "add an id of 1 to 256 bytes")
	case len(id) > maxID:
		return refuse(name, id, ReasonText, "shorten it to 256 bytes")
	}
	return nil
}

func (d *Decoder) checkNothing() *FieldError { return nil }

func (d *Decoder) checkTicket() (err *FieldError) {
	if d.event.DueResponse, err = d.raw.first.millis("due_response"); err != nil {
		return err
	}
	d.event.DueResolution, err = d.raw.second.millis("due_resolution")
	return err
}

func (d *Decoder) checkCall() (err *FieldError) {
	ev := &d.event
	if ev.Talk, err = d.seconds(0, "talk_seconds"); err != nil {
		return err
	}
	if ev.Hold, err = d.seconds(1, "hold_seconds"); err != nil {
		return err
	}
	ev.WrapUp, err = d.seconds(2, "wrap_up_seconds")
	return err
}

func (d *Decoder) checkSurvey() (err *FieldError) {
	given := d.raw.given
	if !given[0] {
		return nil
	}
	switch {
	case !given[1]:
		return missing("scale_min", "add the lowest score that the scale has")
	case !given[2]:
		return missing("scale_max", "add the highest score that the scale has")
	case d.event.SurveyDimension == "":
		return missing("dimension", "add what was scored, as in satisfaction")
	}
	n := d.raw.numbers
	d.event.Score, err = normalise(n[0], n[1], n[2])
	d.event.HasScore = err == nil
	return err
}

func (d *Decoder) checkCost() *FieldError {
	for _, p := range d.purposes {
		if p == "" {
			return missing("purposes", "leave out purposes without a name")
		}
	}
	if err := d.money("amount", anySign); err != nil {
		return err
	}
	return d.checkPeriod()
}

func (d *Decoder) checkPeriod() (err *FieldError) {
	ev, start, end := &d.event, &d.raw.first, &d.raw.second
	if ev.PeriodStart, err = start.millis("period_start"); err != nil {
		return err
	}
	if ev.PeriodEnd, err = end.millis("period_end"); err != nil {
		return err
	}
	switch {
	case start.set && !end.set:
		return missing("period_end", "add the end of the period, or leave out its start")
	case end.set && !start.set:
		return missing("period_start", "add the start of the period, or leave out its end")
	case start.set && ev.PeriodEnd <= ev.PeriodStart:
		return refuse("period_end", end.String(), ReasonRange, "give an end that is after period_start")
	case start.set && ev.PeriodEnd > lastEnd(ev.PeriodStart):
		return refuse("period_end", end.String(), ReasonRange, "give an end at most 20 years after period_start, or split the cost")
	}
	return nil
}

// maxYears is how long a cost may accrue. It has a share for each day, so a mistyped year
// would be dear.
const maxYears = 20

// lastEnd is the latest end of a period, with a day more for a zone whose offset changes.
func lastEnd(start int64) int64 {
	return time.UnixMilli(start).UTC().AddDate(maxYears, 0, 1).UnixMilli()
}

func (d *Decoder) checkOrder() *FieldError { return d.money("amount", notNegative) }

func (d *Decoder) checkInvoice() (err *FieldError) {
	if err := d.money("amount", anySign); err != nil {
		return err
	}
	d.event.Due, err = d.raw.first.millis("due")
	return err
}

func (d *Decoder) checkPayment() *FieldError {
	if err := checkID(d.event.Invoice, "invoice_id"); err != nil {
		return err
	}
	return d.money("amount", notNegative)
}

func (d *Decoder) checkOpening() (err *FieldError) {
	ev := &d.event
	if !d.raw.first.set {
		return missing("as_of", "add the instant of the balances, in RFC 3339")
	}
	if ev.AsOf, err = d.raw.first.millis("as_of"); err != nil {
		return err
	}
	if err := checkCount(ev.Customers, "customers"); err != nil {
		return err
	}
	if err := checkCount(ev.Lines, "active_lines"); err != nil {
		return err
	}
	if d.raw.amount != "" || ev.Currency != "" {
		return d.money("revenue", anySign)
	}
	if !ev.HasCustomers && !ev.HasLines {
		return missing("customers", "give at least one of customers, active_lines, revenue")
	}
	return nil
}

func (d *Decoder) checkVoid() *FieldError {
	ev := &d.event
	if err := checkID(ev.VoidEvent, "event_id"); err != nil {
		return err
	}
	kind, ok := ParseKind(d.raw.voidKind)
	switch {
	case d.raw.voidKind == "":
		return missing("kind", "add the kind of the event to retract, as in ticket")
	case !ok:
		return refuse("kind", d.raw.voidKind, ReasonUnknown, "use one of "+strings.Join(kindNames[1:Void], ", "))
	case kind == Void:
		return refuse("kind", d.raw.voidKind, ReasonInvalid, "send what was retracted again under a new id")
	}
	ev.VoidKind = kind
	return nil
}
