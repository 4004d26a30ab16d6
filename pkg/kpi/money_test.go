package kpi

import (
	"errors"
	"testing"
)

func rate(t *testing.T, text string) Rate {
	t.Helper()
	r, err := ParseRate(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"7.12": {712, 100}, "1": {1, 1}, "0.0000238": {238, 10_000_000}, "42000": {42_000, 1}, "007.10": {710, 100},
		"999999999999999": {999_999_999_999_999, 1}, "0.00000000000001": {1, 100_000_000_000_000},
	} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q gave %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "0", "0.00", "-1", "+1", "1.", ".5", "1e3", "1,5", "1 ", "1.2.3", "x", "1000000000000000", "0.000000000000001",
	} {
		if got, err := ParseRate(text); !errors.Is(err, errRate) {
			t.Errorf("%q gave %v, %v; want an error", text, got, err)
		}
	}
}

// Amounts are in 10⁻⁴.
func TestRateConverts(t *testing.T) {
	const most = 999_999_999_999_999_999
	for _, c := range []struct {
		rate     string
		in, want int64
	}{
		{"7.12", 1_000_000, 7_120_000},            // 100.00 × 7.12 = 712.00
		{"7.12", 1, 7},                            // 0.0001 × 7.12 = 0.000712: 0.0007
		{"7.12", -84_500_5025, -601_643_5778},     // 84500.5025 × 7.12 = 601643.5778
		{"0.5", 1, 1},                             // 0.00005 is half: away from zero
		{"0.5", -1, -1},                           // on both sides
		{"0.5", 3, 2},                             // 0.00015
		{"0.49", 1, 0},                            // 0.000049
		{"0.0000238", 42_000_0000, 10_000 - 4},    // 42000 × 0.0000238 = 0.9996
		{"1", most, most},                         // the largest
		{"1", -most, -most},                       //
		{"0.99999999999999", most, most - 10_000}, // less (10^18 − 1) × 10^-14, which is 10^4 but for 10^-14
	} {
		if got, ok := rate(t, c.rate).convert(c.in); !ok || got != c.want {
			t.Errorf("%d × %s = %d, %v; want %d", c.in, c.rate, got, ok, c.want)
		}
	}
	for _, c := range []struct {
		rate string
		in   int64
	}{
		{"1.00000000000001", most}, {"10", most / 10 * 2}, {"1.1", most}, {"1.1", -most}, {"999999999999999", most}, {"1000000000", 1_000_000_000},
	} {
		if got, ok := rate(t, c.rate).convert(c.in); ok {
			t.Errorf("%d × %s = %d: want it refused", c.in, c.rate, got)
		}
	}
}

// spend is an event with money.
func spend(kind Kind, tenant, currency string, amount int64) *Event {
	return &Event{Kind: kind, Tenant: tenant, Currency: currency, Amount: amount}
}

func TestMoneyOfATenant(t *testing.T) {
	m := NewMoney(func(tenant string) Currency {
		if tenant == "acme" {
			return Currency{Code: "CNY", Rates: map[string]Rate{"USD": rate(t, "7.12")}}
		}
		return Currency{}
	})
	for _, c := range []struct {
		ev     *Event
		amount int64
		code   string
		want   string
	}{
		{spend(Cost, "acme", "CNY", 5), 5, "CNY", ""},
		{spend(Order, "acme", "USD", 20_0000), 142_4000, "CNY", ""},
		{spend(Invoice, "acme", "USD", -20_0000), -142_4000, "CNY", ""},
		{spend(Ticket, "acme", "", 0), 0, "", ""},
		{spend(Payment, "acme", "EUR", 7), 7, "EUR",
			`payment.currency "EUR" is unknown: state the rate of EUR under money.rates in the configuration, or send CNY, the currency of acme`},
		{spend(Opening, "acme", "USD", 99_999_999_999_999_9999), 99_999_999_999_999_9999, "USD",
			`opening.revenue "99999999999999.9999" is out of range: give an amount that has at most 14 digits before the point in CNY, too`},
		{spend(Cost, "acme", "USD", -99_999_999_999_999_9999), -99_999_999_999_999_9999, "USD",
			`cost.amount "-99999999999999.9999" is out of range: give an amount that has at most 14 digits before the point in CNY, too`},
		// Nothing is set: what comes first holds, for each tenant.
		{spend(Opening, "globex", "", 0), 0, "", ""},
		{spend(Opening, "globex", "EUR", 1), 1, "EUR", ""},
		{spend(Cost, "initech", "USD", 1), 1, "USD", ""},
		{spend(Cost, "globex", "USD", 1), 1, "USD",
			`cost.currency "USD" is unknown: set the currency of globex and the rate of USD under money in the configuration, or send EUR, which came first`},
		{spend(Cost, "globex", "EUR", 2), 2, "EUR", ""},
	} {
		err := m.Convert(c.ev)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s of %s in %s:\n got %v\nwant %s", c.ev.Kind, c.ev.Tenant, c.code, err, c.want)
		}
		if bad := new(FieldError); err != nil && (!errors.As(err, &bad) || bad.Field == "" || bad.Remedy == "") {
			t.Errorf("%v is no *FieldError with a field and a remedy", err)
		}
		if c.ev.Amount != c.amount || c.ev.Currency != c.code {
			t.Errorf("%s of %s is %d %s, want %d %s", c.ev.Kind, c.ev.Tenant, c.ev.Amount, c.ev.Currency, c.amount, c.code)
		}
	}
}

// The strings of an event are gone after the call; those of the first currency are not.
func TestMoneyKeepsNoEvent(t *testing.T) {
	var d Decoder
	m := NewMoney(nil)
	take := func(json string) (err error) {
		data := []byte(json)
		d.Decode(Envelope{JSON: true}, data, func(ev *Event, _ []byte, e error) {
			if e != nil {
				t.Fatal(e)
			}
			err = m.Convert(ev)
		})
		clear(data)
		clear(d.wire[:cap(d.wire)])
		return err
	}
	const text = `{"id":"e","tenant":"acme","occurred_at":"2026-03-01T00:00:00Z","order":{"order_id":"O","amount":"1","currency":"`
	if err := errors.Join(take(text+`EUR"}}`), take(text+`EUR"}}`)); err != nil {
		t.Error(err)
	}
	if err := take(text + `USD"}}`); err == nil {
		t.Error("a second currency was taken")
	}
}

func TestMoneyAllocatesNothing(t *testing.T) {
	m := NewMoney(func(string) Currency { return Currency{Code: "CNY", Rates: map[string]Rate{"USD": rate(t, "7.12")}} })
	ev := spend(Order, "acme", "USD", 1)
	if n := testing.AllocsPerRun(100, func() {
		ev.Currency, ev.Amount = "USD", 20_0000
		if err := m.Convert(ev); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
