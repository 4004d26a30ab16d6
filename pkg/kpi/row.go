package kpi

import "github.com/deskpulse/deskpulse/pkg/window"

// Rows are what the engine wants written to the history. Each row has a computed
// identity and a Version that rises when it changes, so that writing it twice is
// harmless and the higher version wins.
type Rows struct {
	Measures   []MeasureRow
	Tickets    []TicketRow
	Calls      []CallRow
	Complaints []ComplaintRow
	Reports    []ReportRow
}

// Len is the number of rows.
func (r *Rows) Len() int {
	return len(r.Measures) + len(r.Tickets) + len(r.Calls) + len(r.Complaints) + len(r.Reports)
}

// MeasureRow is the total of one measure for one full combination of dimensions in one
// bucket of one ring. Identity: (Ring, Tenant, Measure, Dims, Bucket, Partition).
type MeasureRow struct {
	Ring      window.Ring // Minute or Hour
	Tenant    string
	Measure   string
	Dims      Dims
	Bucket    int64 // Unix seconds of the bucket's start; 0 holds what came after its hour was closed
	Values    window.Vector
	Partition uint16
	Version   uint64
}

// Interval is a span from ≤ t < to in Unix milliseconds; To is 0 while it is open.
type Interval struct{ From, To int64 }

// TicketRow is a ticket as it now stands. Identity: (Tenant, ID). Times are Unix
// milliseconds, 0 where there is none.
type TicketRow struct {
	Tenant, ID, Customer string
	Incident             string // the incident_id, else the category at creation
	Approximate          bool   // Incident is a category
	Dims                 Dims
	Status               string // open, waiting, resolved, closed, merged, cancelled, deleted, unseen
	Type                 TicketType
	CreatedAt            int64
	HandledAt            int64 // first handling: the earliest of work started, reply by a person, resolution
	WorkStartedAt        int64
	RepliedAt            int64
	ResolvedAt           int64 // the latest resolution in force
	ClosedAt             int64
	DueAt                int64 // when it is overdue, as things stand
	Reopened             uint32
	Events               uint32
	Open                 []Interval
	Overdue              []Interval
	Partition            uint16
	Version              uint64
}

// CallRow is a call as it now stands. Identity: (Tenant, ID).
type CallRow struct {
	Tenant, ID, Customer, Ticket, Incident, Queue string
	Dims                                          Dims
	Direction                                     Direction
	OfferedAt, AnsweredAt, AbandonedAt, EndedAt   int64
	Talk, Hold, WrapUp                            int64 // milliseconds
	Partition                                     uint16
	Version                                       uint64
}

// ComplaintRow is a complaint as it now stands. Identity: (Tenant, ID).
type ComplaintRow struct {
	Tenant, ID, Customer, Ticket, Incident, DuplicateOf, Outcome string
	Dims                                                         Dims
	Subject                                                      uint8
	ReceivedAt, AcknowledgedAt, HandledAt, ClosedAt              int64
	Partition                                                    uint16
	Version                                                      uint64
}

// ReportRow is one report of an incident by a customer. Identity: (Tenant, Source), the
// source being the kind and id of the entity and the id of the event that reported it.
// Withdrawn is set where it no longer counts (its ticket was deleted, say).
type ReportRow struct {
	Tenant, Customer, Incident, Source string
	Approximate                        bool
	Dims                               Dims
	At                                 int64
	Withdrawn                          bool
	Partition                          uint16
	Version                            uint64
}
