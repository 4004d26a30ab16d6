package kpi

import "fmt"

// Kind is what an event is about. Its name is a token of the subject.
type Kind uint8

// The kinds of events. The zero Kind is none.
const (
	Ticket Kind = iota + 1
	Call
	Interaction
	Complaint
	Survey
	Suggestion
	Cost
	Order
	Customer
	Invoice
	Payment
	Agent
	Opening
	Void
	numKinds
)

// NumKinds is one more than the largest Kind, for arrays indexed by Kind.
const NumKinds = int(numKinds)

var kindNames = [numKinds]string{
	"", "ticket", "call", "interaction", "complaint", "survey", "suggestion", "cost",
	"order", "customer", "invoice", "payment", "agent", "opening", "void",
}

// String returns the kind's token in subjects, as in "ticket".
func (k Kind) String() string {
	if k == 0 || k >= numKinds {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kindNames[k]
}

// ParseKind is the inverse of String. ok is false for a name that is no kind.
func ParseKind(name string) (k Kind, ok bool) {
	for i := Ticket; i < numKinds; i++ {
		if kindNames[i] == name {
			return i, true
		}
	}
	return 0, false
}

// Action is what happened to the entity. Its values are those of the wire contract,
// so they have a meaning only together with a Kind.
type Action uint8

// Actions of a ticket.
const (
	TicketCreated Action = iota + 1
	TicketAssigned
	TicketWorkStarted
	TicketReplied
	TicketWaiting
	TicketResumed
	TicketStageChanged
	TicketFollowedUp
	TicketResolved
	TicketReopened
	TicketClosed
	TicketUpdated
	TicketMerged
	TicketCancelled
	TicketDeleted
)

// Actions of a call.
const (
	CallOffered Action = iota + 1
	CallQueued
	CallAnswered
	CallHeld
	CallTransferred
	CallAbandoned
	CallEnded
)

// Actions of an interaction (a chat, bot or self-service session).
const (
	InteractionStarted Action = iota + 1
	InteractionAnswered
	InteractionHandedOver
	InteractionEnded
)

// Actions of a complaint.
const (
	ComplaintReceived Action = iota + 1
	ComplaintAcknowledged
	ComplaintHandled
	ComplaintClosed
	ComplaintReopened
)

// Role is who acted; its values are those of the wire contract.
type Role uint8

// The roles. A publisher that gives none leaves RoleUnspecified.
const (
	RoleUnspecified Role = iota
	RoleCustomer
	RoleAgent
	RoleBot
	RoleMonitor
	RoleSystem
)

// TicketType is what a ticket asks for; its values are those of the wire contract.
type TicketType uint8

// The types of a ticket.
const (
	TypeUnspecified TicketType = iota
	TypeIncident
	TypeServiceRequest
	TypeQuestion
	TypeFeedback
	TypeProblem
)

// Direction is who called whom; its values are those of the wire contract.
type Direction uint8

// The directions. A call without one is inbound.
const (
	DirectionUnspecified Direction = iota
	Inbound
	Outbound
)

// Tri is an optional boolean of the contract.
type Tri uint8

// The values of a Tri.
const (
	Unset Tri = iota
	False
	True
)

// Event is one thing that happened, decoded and checked. It is the only form in which
// an event travels inside deskpulse.
//
// Its strings alias the buffer that it was decoded from: whoever keeps one past the
// call that handed over the Event must clone it. Fields that its Kind does not have
// are zero. Times are Unix milliseconds, durations milliseconds, money 10⁻⁴ of its
// currency, and 0 in a time means that it was not given.
type Event struct {
	Kind   Kind
	Action Action
	Role   Role
	Type   TicketType

	ID       string
	Tenant   string
	At       int64
	Sequence int64
	Customer string
	Key      string // as given; see PartitionKey
	Service  string
	Dims     Dims
	Labels   []Label

	Entity   string // the id of the ticket, call, complaint … that the event is about
	Ticket   string // the ticket that a call, interaction, complaint or survey belongs to
	Call     string // the call that a survey belongs to
	Incident string

	// Ticket.
	Cause          string
	Public         Tri
	WaitingFor     uint8
	StageFrom      string
	StageTo        string
	Outcome        string
	WithResolution Tri
	MergedInto     string
	DueResponse    int64
	DueResolution  int64

	// Call and interaction.
	Direction   Direction
	Queue       string
	Talk        int64
	Hold        int64
	WrapUp      int64
	SessionType uint8
	Resolved    Tri

	// Complaint.
	Subject     uint8
	DuplicateOf string

	// Survey. Score is normalised to 0 … 100_000_000 (10⁻⁶ of a point of 100);
	// HasScore tells 0 from none.
	SurveyDimension string
	Score           int64
	HasScore        bool

	// Cost, order, invoice, payment, opening.
	Amount      int64
	Currency    string
	Purposes    []string
	Item        string
	PeriodStart int64
	PeriodEnd   int64
	Basis       uint8
	ReversalOf  string
	RefundOf    string
	Invoice     string
	Period      string
	Due         int64
	WriteOff    bool

	// Customer, agent state.
	Reason     string
	LeaveCause uint8
	Subscriber string // the subscription that an invoice bills

	// Opening. HasCustomers and HasLines tell 0 from none.
	AsOf         int64
	Customers    int64
	HasCustomers bool
	Lines        int64
	HasLines     bool

	// Void.
	VoidEvent string
	VoidKind  Kind
}

// Label is a dimension of the publisher's own.
type Label struct{ Name, Value string }

// PartitionKey is what decides the event's partition: the key given, else the
// customer, else the entity.
func (e *Event) PartitionKey() string {
	switch {
	case e.Key != "":
		return e.Key
	case e.Customer != "":
		return e.Customer
	default:
		return e.Entity
	}
}
