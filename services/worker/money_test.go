package worker

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// revenue is what the orders of the month come to.
func (s *site) revenue(currency func(string) kpi.Currency) float64 {
	s.t.Helper()
	read, err := s.read("2026-03-01T12:00:00Z", Config{Engine: configured(s.t, ""), Currency: currency})
	if err != nil {
		s.t.Fatal(err)
	}
	return read["deskpulse_measure_revenue_money month"]
}

// letters are the errors of the events that were refused.
func (s *site) letters() (out []string) {
	s.t.Helper()
	_, js := s.connect()
	if err := input.List(s.context(), js, input.Filter{}, func(l *input.Letter) error {
		out = append(out, fmt.Sprintf("%s, %s: %s", l.Reason, l.Field, l.Error))
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// spend publishes orders of one customer, each an amount and a currency.
func (s *site) spend(orders ...[2]string) {
	s.t.Helper()
	_, js := s.connect()
	for i, o := range orders {
		event := fmt.Sprintf(`{"id":"e%d","occurred_at":"2026-03-01T09:00:00Z","customer_id":"c1","order":{"order_id":"O%d","amount":%q,"currency":%q}}`, i, i, o[0], o[1])
		if _, err := js.Publish(s.context(), "desk.acme.order.c1", []byte(event)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestOneCurrency(t *testing.T) {
	usd, err := kpi.ParseRate("7.12")
	if err != nil {
		t.Fatal(err)
	}
	s := startSite(t)
	s.spend([2]string{"100", "CNY"}, [2]string{"20", "USD"}, [2]string{"5", "EUR"})
	// 100 + 20 × 7.12 = 242.40
	of := func(string) kpi.Currency {
		return kpi.Currency{Code: "CNY", Rates: map[string]kpi.Rate{"USD": usd}}
	}
	if got := s.revenue(of); got != 242.40 {
		t.Errorf("revenue %g, want 242.40", got)
	}
	want := []string{`unknown, order.currency: order.currency "EUR" is unknown: state the rate of EUR under money.rates in the configuration, or send CNY, the currency of acme`}
	if diff := cmp.Diff(want, s.letters()); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}

// Without a configuration the first currency holds, also after a restart.
func TestFirstCurrency(t *testing.T) {
	s := startSite(t)
	s.spend([2]string{"20", "USD"}, [2]string{"100", "CNY"}, [2]string{"1.5", "USD"})
	for range 2 {
		if got := s.revenue(nil); got != 21.5 {
			t.Errorf("revenue %g, want 21.50", got)
		}
	}
	want := []string{`unknown, order.currency: order.currency "CNY" is unknown: set the currency of acme and the rate of CNY under money in the configuration, or send USD, which came first`}
	if diff := cmp.Diff(want, s.letters()); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
}
