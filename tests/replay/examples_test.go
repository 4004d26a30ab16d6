package replay_test

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/deskpulse/deskpulse/services/replay"
)

// sums are what the events of a replay add up to.
type sums struct {
	count  map[string]int      // by kind and action, and by what else a test asks
	amount map[string]*big.Rat // of orders and refunds
}

func replayed(t *testing.T, mapping, dataset, file string) sums {
	t.Helper()
	s := sums{map[string]int{}, map[string]*big.Rat{"order": new(big.Rat), "refund": new(big.Rat)}}
	lines(t, replay.Command{Mapping: mappingFile(t, mapping), Data: []string{shared(t, dataset, file)}, Events: true}, func(line []byte) {
		var ev struct {
			OccurredAt string `json:"occurred_at"`
			Channel    string
			Complaint  *struct{ Action, Outcome string }
			Customer   *struct{ Action string }
			Order      *struct {
				Amount   string
				RefundOf string `json:"refund_of"`
			}
		}
		if err := json.Unmarshal(line, &ev); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch {
		case ev.Complaint != nil:
			s.count[ev.Complaint.Action]++
			s.count[ev.Complaint.Action+" by "+ev.Channel]++
			s.count[ev.Complaint.Action+" in "+ev.OccurredAt[:7]]++
			s.count["outcome "+ev.Complaint.Outcome]++
		case ev.Customer != nil:
			s.count[ev.Customer.Action]++
		case ev.Order != nil:
			name := "order"
			if ev.Order.RefundOf != "" {
				name = "refund"
			}
			s.count[name]++
			s.amount[name].Add(s.amount[name], rational(t, ev.Order.Amount))
		}
	})
	return s
}

func rational(t *testing.T, text string) *big.Rat {
	t.Helper()
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	return x
}

// figure is one value of a TRUTH.json.
func figure[T any](t *testing.T, dataset, name string) (out T) {
	t.Helper()
	var truth struct {
		KPIs []struct {
			Name  string
			Value json.RawMessage
		}
	}
	readJSON(t, shared(t, dataset, "TRUTH.json"), &truth)
	for _, k := range truth.KPIs {
		if k.Name == name {
			if err := json.Unmarshal(k.Value, &out); err != nil {
				t.Fatalf("%s of %s: %v", name, dataset, err)
			}
			return out
		}
	}
	t.Fatalf("TRUTH.json of %s has no %s", dataset, name)
	return out
}

func want(t *testing.T, s sums, name string, n int) {
	t.Helper()
	if s.count[name] != n {
		t.Errorf("%s: %d events, want %d", name, s.count[name], n)
	}
}

func TestComplaints(t *testing.T) {
	const dataset = "cfpb_complaints"
	s := replayed(t, "cfpb_complaints.yaml", dataset, "complaints_2016.csv.gz")
	want(t, s, "received", figure[int](t, dataset, "complaints"))
	channels := figure[map[string]int](t, dataset, "channel_counts")
	for theirs, ours := range map[string]string{"Phone": "phone", "Web": "web", "Fax": "fax", "Referral": "referral", "Postal mail": "post"} {
		want(t, s, "received by "+ours, channels[theirs])
	}
	for month, m := range figure[map[string]struct{ Complaints int }](t, dataset, "by_month_received") {
		want(t, s, "received in "+month, m.Complaints)
	}
	responses := figure[map[string]int](t, dataset, "responses")
	want(t, s, "handled", s.count["received"]-responses["In progress"])
	want(t, s, "outcome Closed with monetary relief", responses["Closed with monetary relief"])
}

func TestOnlineRetail(t *testing.T) {
	const dataset = "uci_online_retail"
	s := replayed(t, "uci_online_retail.yaml", dataset, "invoices.csv.gz")
	net := new(big.Rat).Sub(s.amount["order"], s.amount["refund"])
	if truth := rational(t, figure[string](t, dataset, "net_revenue_gbp")); net.Cmp(truth) != 0 {
		t.Errorf("net revenue is %s, want %s", net.FloatString(4), truth.FloatString(4))
	}
}

func TestTelcoChurn(t *testing.T) {
	const dataset = "ibm_telco_churn"
	s := replayed(t, "ibm_telco_churn.yaml", dataset, "customers.csv.gz")
	churn := figure[struct{ Num, Den int }](t, dataset, "churn_rate")
	want(t, s, "activated", churn.Den)
	want(t, s, "left", churn.Num)
	months, charged := 0, new(big.Rat)
	for _, row := range table(t, shared(t, dataset, "customers.csv.gz")) {
		tenure := rational(t, row["tenure_months"])
		months += int(tenure.Num().Int64())
		charged.Add(charged, tenure.Mul(tenure, rational(t, row["monthly_charges"])))
	}
	want(t, s, "order", months)
	if s.amount["order"].Cmp(charged) != 0 {
		t.Errorf("payments add up to %s, the rows to %s", s.amount["order"].FloatString(2), charged.FloatString(2))
	}
}
