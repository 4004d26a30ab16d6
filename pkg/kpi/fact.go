package kpi

// A fact is what the engine knows of one thing that can be counted: a ticket as its
// events have left it, a visit of a ticket to a stage, a share of a cost. The engine
// derives facts from events; the measures of the catalogue select, date and value them
// with expressions over their fields. The schemas below are that contract.

// FactKind is a kind of fact.
type FactKind uint8

// The kinds of facts.
const (
	FactTicket FactKind = iota
	FactVisit
	FactHandoff
	FactNextResponse
	FactResolution
	FactCall
	FactInteraction
	FactComplaint
	FactSurvey
	FactSuggestion
	FactCost
	FactOrder
	FactSubscription
	FactInvoice
	FactAgent
	FactOpening
	FactContact
	FactService
	NumFacts
)

// FieldType is the type of a field of a fact.
type FieldType uint8

// The types of fields, and how each is kept in a Fact.
const (
	BoolField     FieldType = iota // 0 or 1
	TimeField                      // Unix milliseconds; 0 is none
	DurationField                  // milliseconds
	IntField
	MoneyField // 10⁻⁴ of the tenant's currency; a number of whole units in expressions
	ScoreField // 10⁻⁶ of a point, 0 to 100 points; a number of points in expressions
	TextField  // a symbol; 0 is ""
)

// MaxFields is more than any schema has.
const MaxFields = 64

// Field is one field of a fact.
type Field struct {
	Name string
	Type FieldType
	Doc  string // in English, one sentence without a full stop
}

// Schema is the contract of one kind of fact.
type Schema struct {
	Name string // as in "of: ticket"
	Doc  string
	// Live says that the fact is the present state of something, so that measures with
	// "while" can be taken of it. The others are only counted.
	Live   bool
	Fields []Field
	// AsOf names the instants at which the fact's dimensions are known, by the name of the
	// time field ("handled_at"), or "current" (always the first) and "outcome".
	AsOf []string
	// Outside has a bit for each field that changes with other entities, too. A stock moves
	// at the events of its own, so it cannot read them.
	Outside uint64
}

// Fact is one fact, as expressions see it.
type Fact struct {
	Fields [MaxFields]int64
	Dims   [NumDimensions]uint32 // symbols, as of the instant that the measure asks for
	Labels []uint32              // symbols of the labels in Compiled.Labels, likewise
	Tenant uint32
}

// None is the value of a time that never comes: an instant after all others.
const None = 1 << 62

// The fields of a ticket.
const (
	TicketIsCreated = iota
	TicketIsOpen
	TicketIsWaiting
	TicketIsHandled
	TicketIsStarted
	TicketIsReplied
	TicketIsResolved
	TicketIsClosed
	TicketIsReopened
	TicketIsFollowedUp
	TicketIsMerged
	TicketIsCancelled
	TicketIsRepeated
	TicketIsForestalled
	TicketHasResponseTarget
	TicketHasResolutionTarget
	TicketIsResponseBreached
	TicketIsResolutionBreached
	TicketCreatedAt
	TicketAssignedAt
	TicketStartedAt
	TicketRepliedAt
	TicketBotRepliedAt
	TicketFirstMessageAt
	TicketHandledAt
	TicketFirstTransferredAt
	TicketFollowedUpAt
	TicketResolvedAt
	TicketClosedAt
	TicketStageSince
	TicketResponseOverdueAt
	TicketOverdueAt
	TicketReplies
	TicketReopens
	TicketTransfers
	TicketResolvedBefore
	TicketWaited
	TicketResponseRunning
	TicketResolutionRunning
	TicketTypeText
	TicketCause
	TicketOutcome
	TicketStage
	TicketOpenedBy
	numTicketFields
)

var ticketSchema = Schema{
	Name: "ticket",
	Doc:  "a ticket whose creation is known, as its events so far have left it; deleted ones are no facts",
	Live: true,
	AsOf: []string{"current", "created_at", "handled_at", "replied_at", "resolved_at", "closed_at", "outcome", "started_at", "bot_replied_at"},

	Outside: 1<<TicketIsRepeated | 1<<TicketIsForestalled,
	Fields: []Field{
		TicketIsCreated:            {"created", BoolField, "always true"},
		TicketIsOpen:               {"open", BoolField, "not closed, merged or cancelled"},
		TicketIsWaiting:            {"waiting", BoolField, "waiting for the customer or a third party"},
		TicketIsHandled:            {"handled", BoolField, "work has started, a person has replied in public, or it was resolved"},
		TicketIsStarted:            {"started", BoolField, "work has started"},
		TicketIsReplied:            {"replied", BoolField, "a person has replied in public"},
		TicketIsResolved:           {"resolved", BoolField, "resolved and not reopened since; closing counts as resolving unless it says otherwise"},
		TicketIsClosed:             {"closed", BoolField, "closed, merged or cancelled, and not reopened since"},
		TicketIsReopened:           {"reopened", BoolField, "reopened at least once"},
		TicketIsFollowedUp:         {"followed_up", BoolField, "followed up at least once"},
		TicketIsMerged:             {"merged", BoolField, "merged into another ticket"},
		TicketIsCancelled:          {"cancelled", BoolField, "ended by being cancelled"},
		TicketIsRepeated:           {"repeated", BoolField, "its incident was reported again by the customer within 7 days after its resolution in force"},
		TicketIsForestalled:        {"forestalled", BoolField, "opened by monitoring or a system, before any report of its incident by the customer"},
		TicketHasResponseTarget:    {"has_response_target", BoolField, "a first-response target or due time applied"},
		TicketHasResolutionTarget:  {"has_resolution_target", BoolField, "a resolution target or due time applied"},
		TicketIsResponseBreached:   {"response_breached", BoolField, "handled, and later than the first-response target"},
		TicketIsResolutionBreached: {"resolution_breached", BoolField, "resolved, and it was overdue at some instant before"},
		TicketCreatedAt:            {"created_at", TimeField, "when it was created"},
		TicketAssignedAt:           {"assigned_at", TimeField, "when it was first assigned"},
		TicketStartedAt:            {"started_at", TimeField, "when work first started"},
		TicketRepliedAt:            {"replied_at", TimeField, "the first public reply by a person"},
		TicketBotRepliedAt:         {"bot_replied_at", TimeField, "the first public reply by a bot or a system"},
		TicketFirstMessageAt:       {"first_message_at", TimeField, "the first message of the customer after the creation"},
		TicketHandledAt:            {"handled_at", TimeField, "first handling: the earliest of work started, first public reply by a person, and resolution"},
		TicketFirstTransferredAt:   {"first_transferred_at", TimeField, "the first change from one agent or team to another"},
		TicketFollowedUpAt:         {"followed_up_at", TimeField, "the first follow-up"},
		TicketResolvedAt:           {"resolved_at", TimeField, "the resolution in force; none while it is reopened"},
		TicketClosedAt:             {"closed_at", TimeField, "the closing in force"},
		TicketStageSince:           {"stage_since", TimeField, "when it entered its stage"},
		TicketResponseOverdueAt:    {"response_overdue_at", TimeField, "when its first response became, or will become, overdue, as things stand; none if never"},
		TicketOverdueAt:            {"overdue_at", TimeField, "when it became, or will become, overdue, as things stand; none if never"},
		TicketReplies:              {"replies", IntField, "public replies by a person"},
		TicketReopens:              {"reopens", IntField, "how often it was reopened"},
		TicketTransfers:            {"transfers", IntField, "changes from one agent or team to another"},
		TicketResolvedBefore:       {"resolved_before", DurationField, "time spent resolved before the resolution in force"},
		TicketWaited:               {"waited", DurationField, "time spent waiting so far, from the first handling to the resolution in force; spells that have ended"},
		TicketResponseRunning:      {"response_running", DurationField, "running time of the first-response clock until the first handling"},
		TicketResolutionRunning:    {"resolution_running", DurationField, "running time of the resolution clock until the resolution in force"},
		TicketTypeText:             {"type", TextField, "incident, service_request, question, feedback, problem or empty"},
		TicketCause:                {"cause", TextField, "the cause, as last said"},
		TicketOutcome:              {"outcome", TextField, "the outcome, as last said"},
		TicketStage:                {"stage", TextField, "the workflow stage that it is in"},
		TicketOpenedBy:             {"opened_by", TextField, "who created it: customer, agent, bot, monitor or system; customer where nobody is named"},
	},
}

// The fields of a visit of a ticket to a stage.
const (
	VisitLeftAt = iota
	VisitDwell
	VisitStage
)

var visitSchema = Schema{
	Name: "visit", Doc: "a visit of a ticket to a workflow stage that has ended: by a change of stage, a resolution or the end of the ticket",
	AsOf: []string{"current"},
	Fields: []Field{
		VisitLeftAt: {"left_at", TimeField, "when the visit ended"},
		VisitDwell:  {"dwell", DurationField, "how long it lasted"},
		VisitStage:  {"stage", TextField, "the stage"},
	},
}

// The fields of a hand-over.
const (
	HandoffTakenAt = iota
	HandoffWait
)

var handoffSchema = Schema{
	Name: "handoff", Doc: "a change of a ticket from one agent or team to another after which somebody took it up: work started, a reply by a person, or a resolution",
	AsOf: []string{"current"},
	Fields: []Field{
		HandoffTakenAt: {"taken_at", TimeField, "when it was taken up"},
		HandoffWait:    {"wait", DurationField, "from the latest hand-over until then"},
	},
}

// The fields of a next response.
const (
	NextResponseAt = iota
	NextResponseWait
	NextResponseRunning
	NextResponseIsBreached
)

var nextResponseSchema = Schema{
	Name: "next_response", Doc: "a public reply by a person to a message that the customer sent after the first handling, while the ticket was not resolved",
	AsOf: []string{"current"},
	Fields: []Field{
		NextResponseAt:         {"replied_at", TimeField, "when the reply was sent"},
		NextResponseWait:       {"wait", DurationField, "since the customer's earliest message that was not replied to"},
		NextResponseRunning:    {"running", DurationField, "the part of it that the calendar was open"},
		NextResponseIsBreached: {"breached", BoolField, "longer than the next-response target"},
	},
}

// The fields of a resolution.
const (
	ResolutionAt = iota
	ResolutionIsUndone
)

var resolutionSchema = Schema{
	Name: "resolution", Doc: "one resolution of a ticket, also where it was undone later",
	AsOf: []string{"current"},
	Fields: []Field{
		ResolutionAt:       {"resolved_at", TimeField, "when it was resolved"},
		ResolutionIsUndone: {"undone", BoolField, "the ticket was reopened after it"},
	},
}

// The fields of a call.
const (
	CallIsOffered = iota
	CallIsAnswered
	CallIsAbandoned
	CallIsEnded
	CallIsWaiting
	CallIsLinked
	CallOfferedAt
	CallAnsweredAt
	CallAbandonedAt
	CallEndedAt
	CallFirstTransferredAt
	CallWait
	CallTalk
	CallHold
	CallWrapUp
	CallHandleTime
	CallTransfers
	CallDirection
	CallQueue
)

var callSchema = Schema{
	Name: "call", Doc: "a call whose offering is known", Live: true,
	AsOf: []string{"current", "offered_at", "answered_at", "abandoned_at", "ended_at"},
	Fields: []Field{
		CallIsOffered:          {"offered", BoolField, "always true"},
		CallIsAnswered:         {"answered", BoolField, "a person has answered it"},
		CallIsAbandoned:        {"abandoned", BoolField, "the caller gave up before a person answered"},
		CallIsEnded:            {"ended", BoolField, "it has ended"},
		CallIsWaiting:          {"waiting", BoolField, "neither answered nor abandoned nor ended"},
		CallIsLinked:           {"linked", BoolField, "it names a ticket"},
		CallOfferedAt:          {"offered_at", TimeField, "when it was offered"},
		CallAnsweredAt:         {"answered_at", TimeField, "when a person first answered"},
		CallAbandonedAt:        {"abandoned_at", TimeField, "when the caller gave up"},
		CallEndedAt:            {"ended_at", TimeField, "when it ended"},
		CallFirstTransferredAt: {"first_transferred_at", TimeField, "when it was first transferred"},
		CallWait:               {"wait", DurationField, "from the offering until it was answered or abandoned"},
		CallTalk:               {"talk", DurationField, "talk time, as the source gives it; else from the answer to the end, less hold"},
		CallHold:               {"hold", DurationField, "hold time, as the source gives it"},
		CallWrapUp:             {"wrap_up", DurationField, "wrap-up time, as the source gives it"},
		CallHandleTime:         {"handle_time", DurationField, "talk, hold and wrap-up together; 0 where nobody answered"},
		CallTransfers:          {"transfers", IntField, "how often it was transferred"},
		CallDirection:          {"direction", TextField, "inbound or outbound; inbound where none is given"},
		CallQueue:              {"queue", TextField, "the queue, as last said"},
	},
}

// The fields of an interaction.
const (
	InteractionIsEnded = iota
	InteractionIsAnswered
	InteractionIsResolved
	InteractionIsBot
	InteractionIsQuiet
	InteractionIsLinked
	InteractionIsHandedOver
	InteractionStartedAt
	InteractionAnsweredAt
	InteractionEndedAt
	InteractionLength
	InteractionHandling
	InteractionTypeText
)

var interactionSchema = Schema{
	Name: "interaction", Doc: "a chat, bot or self-service session whose start is known", Live: true,
	AsOf: []string{"current", "started_at", "answered_at", "ended_at"},

	Outside: 1 << InteractionIsQuiet,
	Fields: []Field{
		InteractionIsEnded:      {"ended", BoolField, "it has ended"},
		InteractionIsAnswered:   {"answered", BoolField, "a person has answered"},
		InteractionIsResolved:   {"resolved", BoolField, "it ended and was declared resolved"},
		InteractionIsBot:        {"bot", BoolField, "a bot handled it: its type is bot, or a bot answered"},
		InteractionIsQuiet:      {"quiet", BoolField, "no person answered in it, and no human contact on the matter began, or was answered, within 24 h after its end so far"},
		InteractionIsLinked:     {"linked", BoolField, "it names a ticket"},
		InteractionIsHandedOver: {"handed_over", BoolField, "it was handed over"},
		InteractionStartedAt:    {"started_at", TimeField, "when it started"},
		InteractionAnsweredAt:   {"answered_at", TimeField, "when a person first answered"},
		InteractionEndedAt:      {"ended_at", TimeField, "when it ended"},
		InteractionLength:       {"length", DurationField, "from the start to the end; 0 until then"},
		InteractionHandling:     {"handling", DurationField, "from a person's first answer to the end; 0 without either"},
		InteractionTypeText:     {"type", TextField, "chat, bot, self_service or empty"},
	},
}

// The fields of a complaint.
const (
	ComplaintIsDuplicate = iota
	ComplaintIsAcknowledged
	ComplaintIsHandled
	ComplaintIsClosed
	ComplaintReceivedAt
	ComplaintHandledAt
	ComplaintClosedAt
	ComplaintSubjectText
	ComplaintOutcome
)

var complaintSchema = Schema{
	Name: "complaint", Doc: "a complaint whose receipt is known", Live: true,
	AsOf: []string{"current", "received_at", "handled_at", "outcome"},
	Fields: []Field{
		ComplaintIsDuplicate:    {"duplicate", BoolField, "it repeats another complaint"},
		ComplaintIsAcknowledged: {"acknowledged", BoolField, "it was acknowledged"},
		ComplaintIsHandled:      {"handled", BoolField, "handled or closed with an outcome, and not reopened since"},
		ComplaintIsClosed:       {"closed", BoolField, "closed, and not reopened since"},
		ComplaintReceivedAt:     {"received_at", TimeField, "when it was received"},
		ComplaintHandledAt:      {"handled_at", TimeField, "when it was first handled or closed with an outcome, since it was last reopened"},
		ComplaintClosedAt:       {"closed_at", TimeField, "the closing in force"},
		ComplaintSubjectText:    {"subject", TextField, "service, product, price, other or empty"},
		ComplaintOutcome:        {"outcome", TextField, "the outcome, as last said"},
	},
}

// The fields of a survey's answer.
const (
	SurveyIsAnswered = iota
	SurveySentAt
	SurveyAnsweredAt
	SurveyScore
	SurveyDimensionText
)

var surveySchema = Schema{
	Name: "survey", Doc: "one question of a survey: what it asks for, and the score that was answered", Live: true,
	AsOf: []string{"current", "answered_at"},
	Fields: []Field{
		SurveyIsAnswered:    {"answered", BoolField, "it has a score"},
		SurveySentAt:        {"sent_at", TimeField, "when it was sent"},
		SurveyAnsweredAt:    {"answered_at", TimeField, "when it was last answered with a score"},
		SurveyScore:         {"score", ScoreField, "the latest score, from 0 to 100 points"},
		SurveyDimensionText: {"dimension", TextField, "what it asks for: satisfaction, quality, safety …"},
	},
}

// The fields of a suggestion.
const (
	SuggestionIsAdopted = iota
	SuggestionIsDeclined
	SuggestionReceivedAt
)

var suggestionSchema = Schema{
	Name: "suggestion", Doc: "a suggestion whose receipt is known", Live: true,
	AsOf: []string{"current", "received_at"},
	Fields: []Field{
		SuggestionIsAdopted:  {"adopted", BoolField, "adopted, and not declined later"},
		SuggestionIsDeclined: {"declined", BoolField, "declined, and not adopted later"},
		SuggestionReceivedAt: {"received_at", TimeField, "when it was received"},
	},
}

// The fields of a cost's share.
const (
	CostIsPlan = iota
	CostIsFirstPurpose
	CostDay
	CostAmount
	CostPurpose
	CostItem
	CostDirection
)

var costSchema = Schema{
	Name: "cost", Doc: "the share of a cost in one local day, once for each of its purposes; a share of a cost that is taken back is negative",
	AsOf: []string{"current"},
	Fields: []Field{
		CostIsPlan:         {"plan", BoolField, "planned rather than actual"},
		CostIsFirstPurpose: {"once", BoolField, "set for one of its purposes only, so that a cost of several is counted once"},
		CostDay:            {"accrued_at", TimeField, "the start of the local day"},
		CostAmount:         {"amount", MoneyField, "the day's share"},
		CostPurpose:        {"purpose", TextField, "operations, service, calls, retention …; empty where the cost has none"},
		CostItem:           {"item", TextField, "wages, training, gifts …"},
		CostDirection:      {"direction", TextField, "inbound, outbound or empty"},
	},
}

// The fields of an order.
const (
	OrderIsRefund = iota
	OrderAt
	OrderAmount
)

var orderSchema = Schema{
	Name: "order", Doc: "an order or a refund", Live: true,
	AsOf: []string{"current"},
	Fields: []Field{
		OrderIsRefund: {"refund", BoolField, "it refunds another order"},
		OrderAt:       {"ordered_at", TimeField, "when it was placed or refunded"},
		OrderAmount:   {"amount", MoneyField, "its amount; negative for a refund"},
	},
}

// The fields of a subscription.
const (
	SubscriptionIsActive = iota
	SubscriptionHasLeft
	SubscriptionActivatedAt
	SubscriptionLeftAt
	SubscriptionReason
)

var subscriptionSchema = Schema{
	Name: "subscription", Doc: "a subscription (a line, 户) whose activation or end is known", Live: true,
	AsOf: []string{"current", "activated_at", "left_at"},
	Fields: []Field{
		SubscriptionIsActive:    {"active", BoolField, "activated, and has not left since"},
		SubscriptionHasLeft:     {"left", BoolField, "it has left, and was not activated since"},
		SubscriptionActivatedAt: {"activated_at", TimeField, "the latest activation"},
		SubscriptionLeftAt:      {"left_at", TimeField, "when it left; none while it is active"},
		SubscriptionReason:      {"reason", TextField, "why it left: voluntary, arrears, moved_network or empty"},
	},
}

// The fields of an invoice.
const (
	InvoiceIsPaid = iota
	InvoiceIssuedAt
	InvoiceOverdueAt
	InvoiceAmount
	InvoiceUnpaid
)

var invoiceSchema = Schema{
	Name: "invoice", Doc: "an invoice, with what has been paid or written off", Live: true,
	AsOf: []string{"current", "issued_at"},
	Fields: []Field{
		InvoiceIsPaid:    {"paid", BoolField, "nothing of it is unpaid"},
		InvoiceIssuedAt:  {"issued_at", TimeField, "when it was issued"},
		InvoiceOverdueAt: {"overdue_at", TimeField, "its due time; none where it has none"},
		InvoiceAmount:    {"amount", MoneyField, "what was billed"},
		InvoiceUnpaid:    {"unpaid", MoneyField, "what is neither paid nor written off, from 0"},
	},
}

// The fields of an agent.
const (
	AgentIsPresent = iota
	AgentIsBusy
	AgentIsPaused
	AgentSince
	AgentState
)

var agentSchema = Schema{
	Name: "agent", Doc: "an agent's state", Live: true,
	AsOf: []string{"current"},
	Fields: []Field{
		AgentIsPresent: {"present", BoolField, "logged in"},
		AgentIsBusy:    {"busy", BoolField, "on a contact"},
		AgentIsPaused:  {"paused", BoolField, "on a break"},
		AgentSince:     {"since", TimeField, "when the state began"},
		AgentState:     {"state", TextField, "logged_in, available, busy, paused or logged_out"},
	},
}

// The fields of opening balances.
const (
	OpeningAt = iota
	OpeningCustomers
	OpeningLines
	OpeningRevenue
)

var openingSchema = Schema{
	Name: "opening", Doc: "balances for what lies before the first event", Live: true,
	AsOf: []string{"current"},
	Fields: []Field{
		OpeningAt:        {"as_of", TimeField, "the millisecond before the instant of the balances, at which they hold then"},
		OpeningCustomers: {"customers", IntField, "customers to date"},
		OpeningLines:     {"lines", IntField, "active subscriptions"},
		OpeningRevenue:   {"revenue", MoneyField, "sales revenue to date"},
	},
}

// The fields of a contact.
const (
	ContactAt = iota
	ContactIsByCustomer
	ContactLength
	ContactHandling
	ContactKind
)

var contactSchema = Schema{
	Name: "contact", Doc: "a ticket created, or a call or session that names no ticket",
	AsOf: []string{"current", "raised_at"},
	Fields: []Field{
		ContactAt:           {"raised_at", TimeField, "when it was created, offered or started"},
		ContactIsByCustomer: {"by_customer", BoolField, "the customer sought it: a ticket created by the customer, an inbound call, any session"},
		ContactLength:       {"length", DurationField, "talk and hold of a call, the length of a session; 0 for a ticket"},
		ContactHandling:     {"handling", DurationField, "work of people: a call's handle time, a session's handling, and of a ticket the time from first handling to resolution less waiting and time spent resolved"},
		ContactKind:         {"kind", TextField, "ticket, call or interaction"},
	},
}

// The fields of a service.
const (
	ServiceIsDelivered = iota
	ServiceIsTransferred
	ServiceRaisedAt
	ServiceDeliveredAt
	ServiceTransferredAt
)

var serviceSchema = Schema{
	Name: "service", Doc: "one chain of contacts that share a service_id, or one contact without it",
	AsOf: []string{"current", "raised_at", "delivered_at", "transferred_at"},
	Fields: []Field{
		ServiceIsDelivered:   {"delivered", BoolField, "a ticket of it is resolved, a call answered, or a session ended as resolved"},
		ServiceIsTransferred: {"transferred", BoolField, "a ticket or call of it was passed between agents or teams"},
		ServiceRaisedAt:      {"raised_at", TimeField, "its first contact"},
		ServiceDeliveredAt:   {"delivered_at", TimeField, "its earliest delivery in force"},
		ServiceTransferredAt: {"transferred_at", TimeField, "its first transfer"},
	},
}

// Schemas are the contracts of all kinds of facts.
var Schemas = [NumFacts]*Schema{
	FactTicket: &ticketSchema, FactVisit: &visitSchema, FactHandoff: &handoffSchema, FactNextResponse: &nextResponseSchema,
	FactResolution: &resolutionSchema, FactCall: &callSchema, FactInteraction: &interactionSchema, FactComplaint: &complaintSchema,
	FactSurvey: &surveySchema, FactSuggestion: &suggestionSchema, FactCost: &costSchema, FactOrder: &orderSchema,
	FactSubscription: &subscriptionSchema, FactInvoice: &invoiceSchema, FactAgent: &agentSchema, FactOpening: &openingSchema,
	FactContact: &contactSchema, FactService: &serviceSchema,
}
