package kpi

// bodyField takes one field of the body of a kind. Static calls, rather than a table of
// functions, keep the field on the stack.
func (d *Decoder) bodyField(kind Kind, f *field) *FieldError {
	switch kind {
	case Ticket:
		return d.ticket(f)
	case Call:
		return d.call(f)
	case Interaction:
		return d.interaction(f)
	case Complaint:
		return d.complaint(f)
	case Survey:
		return d.survey(f)
	case Suggestion:
		return d.suggestion(f)
	case Cost:
		return d.cost(f)
	case Order:
		return d.order(f)
	case Customer:
		return d.customer(f)
	case Invoice:
		return d.invoice(f)
	case Payment:
		return d.payment(f)
	case Agent:
		return d.agent(f)
	case Opening:
		return d.opening(f)
	default:
		return d.void(f)
	}
}

// bodyNames holds the names of the bodies' fields, by kind.
var bodyNames = func() [numKinds]string {
	names := kindNames
	names[Agent] = "agent_state"
	return names
}()

func (d *Decoder) ticket(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "ticket_id")
	case 2<<3 | varintType:
		return enum(f, &ev.Action, &ticketActions, "action")
	case 3<<3 | bytesType:
		return f.text(&ev.Incident, "incident_id")
	case 4<<3 | varintType:
		return enum(f, &ev.Type, &ticketTypes, "type")
	case 5<<3 | bytesType:
		return f.text(&ev.Cause, "cause")
	case 6<<3 | varintType:
		return enum(f, &ev.Role, &roles, "role")
	case 7<<3 | varintType:
		ev.Public = f.tri()
	case 8<<3 | varintType:
		return enum(f, &ev.WaitingFor, &waitingFors, "waiting_for")
	case 9<<3 | bytesType:
		return f.text(&ev.StageFrom, "stage_from")
	case 10<<3 | bytesType:
		return f.text(&ev.StageTo, "stage_to")
	case 11<<3 | bytesType:
		return f.text(&ev.Outcome, "outcome")
	case 12<<3 | varintType:
		ev.WithResolution = f.tri()
	case 13<<3 | bytesType:
		return f.text(&ev.MergedInto, "merged_into")
	case 14<<3 | bytesType:
		return d.raw.first.read(f.bytes, "due_response")
	case 15<<3 | bytesType:
		return d.raw.second.read(f.bytes, "due_resolution")
	}
	return nil
}

func (d *Decoder) call(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "call_id")
	case 2<<3 | varintType:
		return enum(f, &ev.Action, &callActions, "action")
	case 3<<3 | varintType:
		return enum(f, &ev.Direction, &directions, "direction")
	case 4<<3 | bytesType:
		return f.text(&ev.Queue, "queue")
	case 5<<3 | bytesType:
		return f.text(&ev.Ticket, "ticket_id")
	case 6<<3 | bytesType:
		return f.text(&ev.Incident, "incident_id")
	case 7<<3 | varintType:
		return enum(f, &ev.Role, &roles, "role")
	case 8<<3 | doubleType:
		d.number(0, f)
	case 9<<3 | doubleType:
		d.number(1, f)
	case 10<<3 | doubleType:
		d.number(2, f)
	}
	return nil
}

func (d *Decoder) interaction(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "interaction_id")
	case 2<<3 | varintType:
		return enum(f, &ev.Action, &interactionActions, "action")
	case 3<<3 | varintType:
		return enum(f, &ev.SessionType, &interactionTypes, "type")
	case 4<<3 | varintType:
		return enum(f, &ev.Role, &roles, "role")
	case 5<<3 | varintType:
		ev.Resolved = f.tri()
	case 6<<3 | bytesType:
		return f.text(&ev.Ticket, "ticket_id")
	case 7<<3 | bytesType:
		return f.text(&ev.Incident, "incident_id")
	}
	return nil
}

func (d *Decoder) complaint(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "complaint_id")
	case 2<<3 | varintType:
		return enum(f, &ev.Action, &complaintActions, "action")
	case 3<<3 | varintType:
		return enum(f, &ev.Subject, &complaintSubjects, "subject")
	case 4<<3 | bytesType:
		return f.text(&ev.Ticket, "ticket_id")
	case 5<<3 | bytesType:
		return f.text(&ev.Incident, "incident_id")
	case 6<<3 | bytesType:
		return f.text(&ev.Outcome, "outcome")
	case 7<<3 | bytesType:
		return f.text(&ev.DuplicateOf, "duplicate_of")
	}
	return nil
}

func (d *Decoder) survey(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "survey_id")
	case 2<<3 | varintType:
		return enum(f, &ev.Action, &surveyActions, "action")
	case 3<<3 | bytesType:
		return f.text(&ev.SurveyDimension, "dimension")
	case 4<<3 | doubleType:
		d.number(0, f)
	case 5<<3 | doubleType:
		d.number(1, f)
	case 6<<3 | doubleType:
		d.number(2, f)
	case 7<<3 | bytesType:
		return f.text(&ev.Ticket, "ticket_id")
	case 8<<3 | bytesType:
		return f.text(&ev.Call, "call_id")
	}
	return nil
}

func (d *Decoder) suggestion(f *field) *FieldError {
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&d.event.Entity, "suggestion_id")
	case 2<<3 | varintType:
		return enum(f, &d.event.Action, &suggestionActions, "action")
	}
	return nil
}

func (d *Decoder) cost(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "cost_id")
	case 2<<3 | bytesType:
		return f.text(&d.raw.amount, "amount")
	case 3<<3 | bytesType:
		return f.text(&ev.Currency, "currency")
	case 4<<3 | bytesType:
		return d.purpose(f)
	case 5<<3 | bytesType:
		return f.text(&ev.Item, "item")
	case 6<<3 | varintType:
		return enum(f, &ev.Direction, &directions, "direction")
	case 7<<3 | bytesType:
		return d.raw.first.read(f.bytes, "period_start")
	case 8<<3 | bytesType:
		return d.raw.second.read(f.bytes, "period_end")
	case 9<<3 | varintType:
		return enum(f, &ev.Basis, &costBases, "basis")
	case 10<<3 | bytesType:
		return f.text(&ev.ReversalOf, "reversal_of")
	}
	return nil
}

func (d *Decoder) purpose(f *field) *FieldError {
	var p string
	if err := f.text(&p, "purposes"); err != nil {
		return err
	}
	if len(d.purposes) == maxPurposes {
		return refuse("purposes", p, ReasonRange, "send at most 32 purposes")
	}
	d.purposes = append(d.purposes, p)
	return nil
}

func (d *Decoder) order(f *field) *FieldError {
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&d.event.Entity, "order_id")
	case 2<<3 | bytesType:
		return f.text(&d.raw.amount, "amount")
	case 3<<3 | bytesType:
		return f.text(&d.event.Currency, "currency")
	case 4<<3 | bytesType:
		return f.text(&d.event.RefundOf, "refund_of")
	}
	return nil
}

func (d *Decoder) customer(f *field) *FieldError {
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&d.event.Entity, "subscription_id")
	case 2<<3 | varintType:
		return enum(f, &d.event.Action, &customerActions, "action")
	case 3<<3 | varintType:
		return enum(f, &d.event.LeaveCause, &leaveReasons, "reason")
	}
	return nil
}

func (d *Decoder) invoice(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "invoice_id")
	case 2<<3 | bytesType:
		return f.text(&ev.Subscriber, "subscription_id")
	case 3<<3 | bytesType:
		return f.text(&ev.Period, "period")
	case 4<<3 | bytesType:
		return f.text(&d.raw.amount, "amount")
	case 5<<3 | bytesType:
		return f.text(&ev.Currency, "currency")
	case 6<<3 | bytesType:
		return d.raw.first.read(f.bytes, "due")
	}
	return nil
}

func (d *Decoder) payment(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "payment_id")
	case 2<<3 | bytesType:
		return f.text(&ev.Invoice, "invoice_id")
	case 3<<3 | bytesType:
		return f.text(&d.raw.amount, "amount")
	case 4<<3 | bytesType:
		return f.text(&ev.Currency, "currency")
	case 5<<3 | varintType:
		ev.WriteOff = f.value != 0
	}
	return nil
}

func (d *Decoder) agent(f *field) *FieldError {
	switch f.tag {
	case 1<<3 | varintType:
		return enum(f, &d.event.Action, &agentActions, "action")
	case 2<<3 | bytesType:
		return f.text(&d.event.Reason, "reason")
	}
	return nil
}

func (d *Decoder) opening(f *field) *FieldError {
	ev := &d.event
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&ev.Entity, "opening_id")
	case 2<<3 | bytesType:
		return d.raw.first.read(f.bytes, "as_of")
	case 3<<3 | varintType:
		ev.Customers, ev.HasCustomers = int64(f.value), true
	case 4<<3 | varintType:
		ev.Lines, ev.HasLines = int64(f.value), true
	case 5<<3 | bytesType:
		return f.text(&d.raw.amount, "revenue")
	case 6<<3 | bytesType:
		return f.text(&ev.Currency, "currency")
	}
	return nil
}

func (d *Decoder) void(f *field) *FieldError {
	switch f.tag {
	case 1<<3 | bytesType:
		return f.text(&d.event.VoidEvent, "event_id")
	case 2<<3 | bytesType:
		return f.text(&d.raw.voidKind, "kind")
	case 3<<3 | bytesType:
		return f.text(&d.event.Entity, "entity_id")
	}
	return nil
}

// number keeps the i-th number of the body.
func (d *Decoder) number(i int, f *field) {
	d.raw.numbers[i], d.raw.given[i] = f.double(), true
}
