package simulate

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// baseLines is how many subscriptions a desk has from before its start; an opening balance
// names a few more.
const baseLines = 400

// base tells what lies before a desk's start, so that what is counted from month to month
// has something to count: an opening balance, subscriptions, last month's orders, and this
// month's invoices. It is the same for all desks of a seed that start in one month.
type base struct {
	d     *Desk
	at    int64
	month time.Time
	told  int
}

func (b *base) step(d *Desk, at int64) {
	start := d.wall(at)
	b.d, b.at, b.month = d, at, time.Date(start.Year(), start.Month(), 1, 0, 0, 0, 0, time.UTC)
	before := time.Date(start.Year()-2, time.July, 1, 0, 0, 0, 0, time.UTC)
	b.tell(before, "", "opening", &deskpulsev1.Event{Body: &deskpulsev1.Event_Opening{Opening: &deskpulsev1.Opening{
		OpeningId: "opening", AsOf: timestamppb.New(before), Customers: proto.Int64(baseLines), ActiveLines: proto.Int64(baseLines / 40),
		Revenue: "250000.00", Currency: "EUR",
	}}})
	for n := range baseLines {
		b.line(n)
	}
}

// line is one subscription: activated some time in the year before, billed this month,
// and paid by most.
func (b *base) line(n int) {
	id := fmt.Sprintf("line-base-%d", n)
	customer := fmt.Sprintf("cust-%d", n+1)
	activated := time.Date(b.month.Year()-1, time.January, 1+n*300/baseLines, 9, n%60, 0, 0, time.UTC)
	b.tell(activated, customer, "", &deskpulsev1.Event{Body: &deskpulsev1.Event_Customer{Customer: &deskpulsev1.Customer{
		SubscriptionId: id, Action: deskpulsev1.CustomerAction_CUSTOMER_ACTION_ACTIVATED,
	}}})
	amount := fmt.Sprintf("%d.90", 19+n%5*10)
	if n%4 == 0 {
		b.tell(b.month.AddDate(0, 0, -1-n%20), customer, "", &deskpulsev1.Event{Body: &deskpulsev1.Event_Order{Order: &deskpulsev1.Order{
			OrderId: b.name("ord", n), Amount: amount, Currency: "EUR",
		}}})
	}
	if n%50 == 0 {
		return // a line that nobody has billed
	}
	issued := b.month.Add(time.Duration(n) * time.Minute)
	b.tell(issued, customer, "", &deskpulsev1.Event{Body: &deskpulsev1.Event_Invoice{Invoice: &deskpulsev1.Invoice{
		InvoiceId: b.name("inv", n), SubscriptionId: id, Period: b.month.Format("2006-01"), Amount: amount, Currency: "EUR",
		Due: timestamppb.New(issued.Add(12 * time.Hour)),
	}}})
	if n%12 == 0 {
		return // nor paid
	}
	b.tell(issued.Add(6*time.Hour), customer, "", &deskpulsev1.Event{Body: &deskpulsev1.Event_Payment{Payment: &deskpulsev1.Payment{
		PaymentId: b.name("pay", n), InvoiceId: b.name("inv", n), Amount: amount, Currency: "EUR",
	}}})
}

func (b *base) name(kind string, n int) string {
	return fmt.Sprintf("%s-base-%s-%d", kind, b.month.Format("200601"), n)
}

// tell publishes what has happened before the desk's start; of later things it is silent.
func (b *base) tell(when time.Time, customer, key string, ev *deskpulsev1.Event) {
	b.told++
	if when.After(b.d.wall(b.at)) {
		return
	}
	ev.Id = fmt.Sprintf("ev-base-%d-%s-%d", b.d.config.Seed, b.month.Format("200601"), b.told)
	ev.Tenant, ev.CustomerId, ev.Key = b.d.config.Tenant, customer, key
	ev.OccurredAt = timestamppb.New(when)
	if customer != "" {
		ev.Segment = segments.names[b.told%len(segments.names)]
	}
	b.d.ready = append(b.d.ready, entry{at: b.at, event: ev})
}
