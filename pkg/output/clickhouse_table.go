package output

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// table says how a row lies in ClickHouse.
type table[R any] struct {
	name     string
	insert   string // the statement
	values   func(*R) ([]any, error)
	identity func(*R) string
}

// entityDimensions are those that events of every kind can carry: entities have no others.
const entityDimensions = int(kpi.Novelty) + 1

func newTable[R any](name, columns string, dimensions int, values func(*R) ([]any, error), identity func(*R) string) table[R] {
	for d := range kpi.Dimension(dimensions) {
		columns += " " + d.String()
	}
	columns = strings.ReplaceAll(columns+" partition version", " ", "`, `")
	return table[R]{name, "INSERT INTO " + name + " (`" + columns + "`)", values, identity}
}

var (
	minuteTable = newTable("measures_minute", "tenant measure bucket values", int(kpi.NumDimensions), measureValues, measureIdentity)
	hourTable   = newTable("measures_hour", "tenant measure bucket values", int(kpi.NumDimensions), measureValues, measureIdentity)
	dayTable    = newTable("measures_day", "tenant measure bucket values", int(kpi.NumDimensions), dayValues, measureIdentity)
	ticketTable = newTable("tickets", "tenant id customer incident approximate status type"+
		" created_at handled_at work_started_at replied_at resolved_at closed_at due_at"+
		" reopened events open.from open.to overdue.from overdue.to", entityDimensions, ticketValues,
		func(r *kpi.TicketRow) string { return identity(r.Tenant, r.ID) })
	callTable = newTable("calls", "tenant id customer ticket incident queue direction"+
		" offered_at answered_at abandoned_at ended_at talk_ms hold_ms wrap_up_ms", entityDimensions, callValues,
		func(r *kpi.CallRow) string { return identity(r.Tenant, r.ID) })
	complaintTable = newTable("complaints", "tenant id customer ticket incident duplicate_of outcome subject"+
		" received_at acknowledged_at handled_at closed_at", entityDimensions, complaintValues,
		func(r *kpi.ComplaintRow) string { return identity(r.Tenant, r.ID) })
	reportTable = newTable("reports", "tenant source customer incident approximate at withdrawn", entityDimensions, reportValues,
		func(r *kpi.ReportRow) string { return identity(r.Tenant, r.Source) })
)

func identity(tenant, id string) string { return fmt.Sprintf("tenant %q, id %q", tenant, id) }

func measureIdentity(r *kpi.MeasureRow) string {
	return fmt.Sprintf("tenant %q, measure %q, dimensions %q, bucket %d, partition %d", r.Tenant, r.Measure, r.Dims, r.Bucket, r.Partition)
}

// finish appends what every table ends with.
func finish(values []any, dims []string, partition uint16, version uint64) []any {
	for _, d := range dims {
		values = append(values, d)
	}
	return append(values, partition, version)
}

func measureValues(r *kpi.MeasureRow) ([]any, error) {
	if r.Bucket < 0 || r.Bucket > math.MaxUint32 {
		return nil, outOfRange("bucket", r.Bucket, "times lie between 1970 and 2106")
	}
	values := []any{r.Tenant, r.Measure, time.Unix(r.Bucket, 0).UTC(), slots(r.Values)}
	return finish(values, r.Dims[:], r.Partition, r.Version), nil
}

// dayValues: the bucket is a local day.
func dayValues(r *kpi.MeasureRow) ([]any, error) {
	if r.Bucket%86400 != 0 {
		return nil, outOfRange("bucket", r.Bucket, "a day begins at a multiple of 86400 seconds")
	}
	return measureValues(r)
}

func ticketValues(r *kpi.TicketRow) ([]any, error) {
	values := []any{r.Tenant, r.ID, r.Customer, r.Incident, r.Approximate, r.Status, named(ticketTypes, r.Type)}
	values, err := appendTimes(values, r.CreatedAt, r.HandledAt, r.WorkStartedAt, r.RepliedAt, r.ResolvedAt, r.ClosedAt, r.DueAt)
	if err != nil {
		return nil, err
	}
	values = append(values, r.Reopened, r.Events)
	for _, spans := range [][]kpi.Interval{r.Open, r.Overdue} {
		from, to := make([]time.Time, len(spans)), make([]time.Time, len(spans))
		for i, s := range spans {
			if err := checkTime(s.From); err != nil {
				return nil, err
			}
			if err := checkTime(s.To); err != nil {
				return nil, err
			}
			from[i], to[i] = time.UnixMilli(s.From).UTC(), time.UnixMilli(s.To).UTC()
		}
		values = append(values, from, to)
	}
	return finish(values, r.Dims[:entityDimensions], r.Partition, r.Version), nil
}

func callValues(r *kpi.CallRow) ([]any, error) {
	values := []any{r.Tenant, r.ID, r.Customer, r.Ticket, r.Incident, r.Queue, named(directions, r.Direction)}
	values, err := appendTimes(values, r.OfferedAt, r.AnsweredAt, r.AbandonedAt, r.EndedAt)
	if err != nil {
		return nil, err
	}
	values = append(values, r.Talk, r.Hold, r.WrapUp)
	return finish(values, r.Dims[:entityDimensions], r.Partition, r.Version), nil
}

func complaintValues(r *kpi.ComplaintRow) ([]any, error) {
	values := []any{r.Tenant, r.ID, r.Customer, r.Ticket, r.Incident, r.DuplicateOf, r.Outcome, named(subjects, r.Subject)}
	values, err := appendTimes(values, r.ReceivedAt, r.AcknowledgedAt, r.HandledAt, r.ClosedAt)
	if err != nil {
		return nil, err
	}
	return finish(values, r.Dims[:entityDimensions], r.Partition, r.Version), nil
}

func reportValues(r *kpi.ReportRow) ([]any, error) {
	values, err := appendTimes([]any{r.Tenant, r.Source, r.Customer, r.Incident, r.Approximate}, r.At)
	if err != nil {
		return nil, err
	}
	return finish(append(values, r.Withdrawn), r.Dims[:entityDimensions], r.Partition, r.Version), nil
}

// Names of the wire contract's numbers; "" for unspecified.
var (
	ticketTypes = []string{"", "incident", "service_request", "question", "feedback", "problem"}
	directions  = []string{"", "inbound", "outbound"}
	subjects    = []string{"", "service", "product", "price", "other"}
)

func named[N ~uint8](names []string, n N) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprint(n)
}

func appendTimes(values []any, times ...int64) ([]any, error) {
	for _, ms := range times {
		if err := checkTime(ms); err != nil {
			return nil, err
		}
		values = append(values, ms)
	}
	return values, nil
}

// checkTime: DateTime64 wraps silently outside of its range; a year 2200 is nobody's.
func checkTime(ms int64) error {
	if ms < 0 || ms > 7_258_118_400_000 {
		return outOfRange("time", ms, "times lie between 1970 and 2200, in milliseconds")
	}
	return nil
}

// slots lets the driver read a Vector as a Map, in the order of its slots.
type slots window.Vector

// Put is what reading into a map would need; rows are only written.
func (s slots) Put(any, any) { panic("output: internal error: slots are written only") }

// Iterator yields the slots.
func (s slots) Iterator() column.MapIterator { return &slotIterator{rest: s, next: -1} }

type slotIterator struct {
	rest slots
	next int
}

func (i *slotIterator) Next() bool { i.next++; return i.next < len(i.rest) }
func (i *slotIterator) Key() any   { return i.rest[i.next].Slot }
func (i *slotIterator) Value() any { return i.rest[i.next].Value }
