package kpi

import (
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// reference is the slow decoder that the fast one must equal: proto.Unmarshal, then a
// conversion that is written from the contract and shares no code with the decoder. It
// notes in bad whatever the contract refuses.
type reference struct {
	ev  Event
	bad bool
}

func referenceDecode(data []byte, tenant string) (*Event, bool) {
	var m deskpulsev1.Event
	if proto.Unmarshal(data, &m) != nil {
		return nil, false
	}
	var r reference
	r.texts(m.ProtoReflect())
	r.envelope(&m, tenant)
	r.body(&m)
	return &r.ev, !r.bad
}

func (r *reference) need(ok bool) {
	if !ok {
		r.bad = true
	}
}

// texts checks every string and every enum of the message, wherever it is.
func (r *reference) texts(m protoreflect.Message) {
	okText := func(s string) bool {
		return len(s) <= 1024 && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			r.need(v.Map().Len() <= 32)
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				r.need(k.String() != "" && okText(k.String()) && okText(v.String()))
				return true
			})
		case f.IsList():
			r.need(v.List().Len() <= 32)
			for i := range v.List().Len() {
				r.need(v.List().Get(i).String() != "" && okText(v.List().Get(i).String()))
			}
		case f.Kind() == protoreflect.StringKind:
			r.need(okText(v.String()))
		case f.Kind() == protoreflect.EnumKind:
			r.need(f.Enum().Values().ByNumber(v.Enum()) != nil)
		case f.Kind() == protoreflect.MessageKind:
			r.texts(v.Message())
		}
		return true
	})
}

func (r *reference) envelope(m *deskpulsev1.Event, tenant string) {
	ev := &r.ev
	ev.ID, ev.Tenant, ev.Sequence, ev.Customer = m.Id, m.Tenant, m.Sequence, m.CustomerId
	ev.Key, ev.Service = m.Key, m.ServiceId
	if ev.Tenant == "" {
		ev.Tenant = tenant
	}
	r.need(tenant == "" || ev.Tenant == tenant)
	r.need(regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(ev.Tenant))
	r.id(m.Id)
	r.need(m.OccurredAt != nil)
	ev.At = r.time(m.OccurredAt)
	ev.Dims = Dims{
		Team: m.Team, Channel: m.Channel, Priority: m.Priority, Category: m.Category,
		AgentName: m.Agent, Post: m.Post, Segment: m.Segment, Network: m.Network,
		Product: m.Product, Branch: m.Branch, Novelty: m.Novelty,
	}
	if m.Outsourced != nil {
		ev.Dims[Outsourced] = map[bool]string{true: "true", false: "false"}[*m.Outsourced]
	}
	for name, value := range m.Labels {
		ev.Labels = append(ev.Labels, Label{name, value})
	}
	slices.SortFunc(ev.Labels, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}

func (r *reference) id(id string) { r.need(len(id) >= 1 && len(id) <= 256) }

func (r *reference) time(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	first := time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC)
	end := time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC)
	if !t.IsValid() || t.AsTime().Before(first) || !t.AsTime().Before(end) {
		r.bad = true
		return 0
	}
	return t.AsTime().UnixMilli()
}

func (r *reference) tri(b *bool) Tri {
	switch {
	case b == nil:
		return Unset
	case *b:
		return True
	default:
		return False
	}
}

func (r *reference) seconds(s *float64) int64 {
	if s == nil {
		return 0
	}
	if math.IsNaN(*s) || *s < 0 || *s > 1e9 {
		r.bad = true
		return 0
	}
	whole, frac := math.Modf(*s * 1000)
	if frac >= 0.5 {
		whole++
	}
	return int64(whole)
}

func (r *reference) money(amount, currency string, positive bool) int64 {
	r.need(regexp.MustCompile(`^[A-Z]{3}$`).MatchString(currency))
	if !regexp.MustCompile(`^-?[0-9]{1,14}(\.[0-9]{1,4})?$`).MatchString(amount) {
		r.bad = true
		return 0
	}
	v, _ := new(big.Rat).SetString(amount)
	v.Mul(v, big.NewRat(10_000, 1))
	r.need(!positive || v.Sign() >= 0)
	return v.Num().Int64()
}

func (r *reference) body(m *deskpulsev1.Event) {
	ev := &r.ev
	switch b := m.Body.(type) {
	case *deskpulsev1.Event_Ticket:
		ev.Kind = Ticket
		r.ticket(b.Ticket)
	case *deskpulsev1.Event_Call:
		ev.Kind = Call
		r.call(b.Call)
	case *deskpulsev1.Event_Interaction:
		ev.Kind = Interaction
		r.interaction(b.Interaction)
	case *deskpulsev1.Event_Complaint:
		ev.Kind = Complaint
		r.complaint(b.Complaint)
	case *deskpulsev1.Event_Survey:
		ev.Kind = Survey
		r.survey(b.Survey)
	case *deskpulsev1.Event_Suggestion:
		ev.Kind, ev.Entity, ev.Action = Suggestion, b.Suggestion.SuggestionId, Action(b.Suggestion.Action)
		r.need(ev.Action != 0)
	case *deskpulsev1.Event_Cost:
		ev.Kind = Cost
		r.cost(b.Cost)
	case *deskpulsev1.Event_Order:
		o := b.Order
		ev.Kind, ev.Entity, ev.Currency, ev.RefundOf = Order, o.OrderId, o.Currency, o.RefundOf
		ev.Amount = r.money(o.Amount, o.Currency, true)
	case *deskpulsev1.Event_Customer:
		c := b.Customer
		ev.Kind, ev.Entity, ev.Action, ev.LeaveCause = Customer, c.SubscriptionId, Action(c.Action), uint8(c.Reason)
		r.need(ev.Action != 0)
	case *deskpulsev1.Event_Invoice:
		i := b.Invoice
		ev.Kind, ev.Entity, ev.Subscriber, ev.Period = Invoice, i.InvoiceId, i.SubscriptionId, i.Period
		ev.Currency, ev.Amount, ev.Due = i.Currency, r.money(i.Amount, i.Currency, false), r.time(i.Due)
	case *deskpulsev1.Event_Payment:
		p := b.Payment
		ev.Kind, ev.Entity, ev.Invoice, ev.WriteOff = Payment, p.PaymentId, p.InvoiceId, p.WriteOff
		ev.Currency, ev.Amount = p.Currency, r.money(p.Amount, p.Currency, true)
		r.id(p.InvoiceId)
	case *deskpulsev1.Event_AgentState:
		ev.Kind, ev.Entity = Agent, m.Agent
		ev.Action, ev.Reason = Action(b.AgentState.Action), b.AgentState.Reason
		r.need(ev.Action != 0 && m.Agent != "")
		return // the agent is text, not an id
	case *deskpulsev1.Event_Opening:
		ev.Kind = Opening
		r.opening(b.Opening)
	case *deskpulsev1.Event_Void:
		v := b.Void
		ev.Kind, ev.Entity, ev.VoidEvent = Void, v.EntityId, v.EventId
		r.id(v.EventId)
		ev.VoidKind, _ = ParseKind(v.Kind)
		r.need(ev.VoidKind != 0 && ev.VoidKind != Void)
	}
	r.id(ev.Entity)
}

func (r *reference) ticket(t *deskpulsev1.Ticket) {
	ev := &r.ev
	ev.Entity, ev.Action, ev.Incident, ev.Type = t.TicketId, Action(t.Action), t.IncidentId, TicketType(t.Type)
	ev.Cause, ev.Role, ev.Public, ev.WaitingFor = t.Cause, Role(t.Role), r.tri(t.Public), uint8(t.WaitingFor)
	ev.StageFrom, ev.StageTo, ev.Outcome, ev.MergedInto = t.StageFrom, t.StageTo, t.Outcome, t.MergedInto
	ev.WithResolution = r.tri(t.WithResolution)
	ev.DueResponse, ev.DueResolution = r.time(t.DueResponse), r.time(t.DueResolution)
	r.need(ev.Action != 0)
}

func (r *reference) call(c *deskpulsev1.Call) {
	ev := &r.ev
	ev.Entity, ev.Action, ev.Direction, ev.Queue = c.CallId, Action(c.Action), Direction(c.Direction), c.Queue
	ev.Ticket, ev.Incident, ev.Role = c.TicketId, c.IncidentId, Role(c.Role)
	ev.Talk, ev.Hold, ev.WrapUp = r.seconds(c.TalkSeconds), r.seconds(c.HoldSeconds), r.seconds(c.WrapUpSeconds)
	r.need(ev.Action != 0)
}

func (r *reference) interaction(i *deskpulsev1.Interaction) {
	ev := &r.ev
	ev.Entity, ev.Action, ev.SessionType, ev.Role = i.InteractionId, Action(i.Action), uint8(i.Type), Role(i.Role)
	ev.Resolved, ev.Ticket, ev.Incident = r.tri(i.Resolved), i.TicketId, i.IncidentId
	r.need(ev.Action != 0)
}

func (r *reference) complaint(c *deskpulsev1.Complaint) {
	ev := &r.ev
	ev.Entity, ev.Action, ev.Subject, ev.Ticket = c.ComplaintId, Action(c.Action), uint8(c.Subject), c.TicketId
	ev.Incident, ev.Outcome, ev.DuplicateOf = c.IncidentId, c.Outcome, c.DuplicateOf
	r.need(ev.Action != 0)
}

func (r *reference) survey(s *deskpulsev1.Survey) {
	ev := &r.ev
	ev.Entity, ev.Action, ev.SurveyDimension = s.SurveyId, Action(s.Action), s.Dimension
	ev.Ticket, ev.Call = s.TicketId, s.CallId
	r.need(ev.Action != 0)
	if s.Score == nil {
		return
	}
	if s.ScaleMin == nil || s.ScaleMax == nil || s.Dimension == "" {
		r.bad = true
		return
	}
	score, low, high := *s.Score, *s.ScaleMin, *s.ScaleMax
	for _, v := range []float64{score, low, high, high - low} {
		r.need(!math.IsNaN(v) && !math.IsInf(v, 0))
	}
	r.need(low < high && low <= score && score <= high)
	if !r.bad {
		ev.HasScore, ev.Score = true, int64(math.Round((score-low)/(high-low)*100_000_000))
	}
}

func (r *reference) cost(c *deskpulsev1.Cost) {
	ev := &r.ev
	ev.Entity, ev.Currency, ev.Purposes, ev.Item = c.CostId, c.Currency, c.Purposes, c.Item
	ev.Amount = r.money(c.Amount, c.Currency, false)
	ev.Direction, ev.Basis, ev.ReversalOf = Direction(c.Direction), uint8(c.Basis), c.ReversalOf
	ev.PeriodStart, ev.PeriodEnd = r.time(c.PeriodStart), r.time(c.PeriodEnd)
	r.need((c.PeriodStart == nil) == (c.PeriodEnd == nil))
	r.need(c.PeriodStart == nil || ev.PeriodStart < ev.PeriodEnd)
}

func (r *reference) opening(o *deskpulsev1.Opening) {
	ev := &r.ev
	ev.Entity, ev.AsOf, ev.Currency = o.OpeningId, r.time(o.AsOf), o.Currency
	ev.Customers, ev.HasCustomers = o.GetCustomers(), o.Customers != nil
	ev.Lines, ev.HasLines = o.GetActiveLines(), o.ActiveLines != nil
	r.need(o.AsOf != nil && ev.Customers >= 0 && ev.Lines >= 0)
	if o.Revenue != "" || o.Currency != "" {
		ev.Amount = r.money(o.Revenue, o.Currency, false)
		return
	}
	r.need(ev.HasCustomers || ev.HasLines)
}
