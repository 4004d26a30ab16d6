package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// A request becomes overdue because time passes: no event comes between the reading
// before its due time and the one after. The change at the due time D is in every
// reading at T > D and in none before.
func TestOverdueGrowsByItself(t *testing.T) {
	s := start(t, t.TempDir())
	nc, err := nats.Connect(s.printed["nats"])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	now := time.Now().UTC().Truncate(time.Second)
	due := now.Add(6 * time.Second)
	for id, more := range map[string]string{"T1": fmt.Sprintf(`,"due_resolution":%q`, due.Format(time.RFC3339)), "T2": ""} {
		publish(t, nc, fmt.Sprintf(`{"id":%q,"occurred_at":%q,"customer_id":"c1","priority":"low","ticket":{"ticket_id":%q,"action":"created"%s}}`,
			id, now.Add(-10*time.Second).Format(time.RFC3339), id, more))
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	before := false
	until(t, func() error {
		body, err := s.get("/metrics")
		if err != nil {
			return err
		}
		samples, err := parse(body)
		if err != nil {
			return err
		}
		ratio, known := samples["deskpulse_overdue_ratio tenant=acme"]
		if !known || samples[`deskpulse_events_total kind=ticket`] != 2 {
			return fmt.Errorf("the two tickets are not read yet")
		}
		at := int64(samples["deskpulse_reading_timestamp_seconds"])
		switch {
		case at <= due.Unix() && ratio == 0:
			before = true
			return fmt.Errorf("at %d nothing is overdue yet", at)
		case at > due.Unix() && ratio == 0.5:
			return nil
		}
		t.Fatalf("at %d, %d s after the due time, the ratio is %g", at, at-due.Unix(), ratio)
		return nil
	})
	if !before {
		t.Error("there was no reading before the due time")
	}
}
