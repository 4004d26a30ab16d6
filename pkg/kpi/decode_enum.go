package kpi

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// enumeration is an enum of the contract. Its values run from 0, none, to max.
type enumeration struct {
	max   uint32
	names []string // in lower case, without the prefix
}

var (
	roles              = enumerationOf(deskpulsev1.Role(0))
	directions         = enumerationOf(deskpulsev1.Direction(0))
	ticketActions      = enumerationOf(deskpulsev1.TicketAction(0))
	ticketTypes        = enumerationOf(deskpulsev1.TicketType(0))
	waitingFors        = enumerationOf(deskpulsev1.WaitingFor(0))
	callActions        = enumerationOf(deskpulsev1.CallAction(0))
	interactionActions = enumerationOf(deskpulsev1.InteractionAction(0))
	interactionTypes   = enumerationOf(deskpulsev1.InteractionType(0))
	complaintActions   = enumerationOf(deskpulsev1.ComplaintAction(0))
	complaintSubjects  = enumerationOf(deskpulsev1.ComplaintSubject(0))
	surveyActions      = enumerationOf(deskpulsev1.SurveyAction(0))
	suggestionActions  = enumerationOf(deskpulsev1.SuggestionAction(0))
	costBases          = enumerationOf(deskpulsev1.CostBasis(0))
	customerActions    = enumerationOf(deskpulsev1.CustomerAction(0))
	leaveReasons       = enumerationOf(deskpulsev1.LeaveReason(0))
	agentActions       = enumerationOf(deskpulsev1.AgentAction(0))
)

// actions holds the actions of each kind; nil where a kind has none.
var actions = [numKinds]*enumeration{
	Ticket: &ticketActions, Call: &callActions, Interaction: &interactionActions,
	Complaint: &complaintActions, Survey: &surveyActions, Suggestion: &suggestionActions,
	Customer: &customerActions, Agent: &agentActions,
}

func enumerationOf(e protoreflect.Enum) enumeration {
	return newEnumeration(e.Descriptor())
}

func newEnumeration(d protoreflect.EnumDescriptor) enumeration {
	values := d.Values()
	var e enumeration
	for i := range values.Len() {
		e.names = append(e.names, strings.ToLower(strings.TrimPrefix(string(values.Get(i).Name()), enumPrefix(d))))
	}
	e.max = uint32(values.Len() - 1)
	return e
}

// enumPrefix is what the names of an enum's values have in common: "TICKET_ACTION_".
func enumPrefix(d protoreflect.EnumDescriptor) string {
	return strings.TrimSuffix(string(d.Values().ByNumber(0).Name()), "UNSPECIFIED")
}

func (e *enumeration) remedy() string {
	return "use one of " + strings.Join(e.names[1:], ", ")
}

// enum stores a value of an enumeration in *to.
func enum[T ~uint8](f *field, to *T, e *enumeration, name string) *FieldError {
	v := int32(f.value)
	if uint32(v) > e.max {
		return refuse(name, strconv.Itoa(int(v)), ReasonUnknown, e.remedy())
	}
	*to = T(v)
	return nil
}
