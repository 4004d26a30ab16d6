package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// worth says what events of a tenant come to: "" where they are refused.
func worth(t *testing.T, c *Config, tenant, currency string, amount int64) (int64, string) {
	t.Helper()
	ev := kpi.Event{Kind: kpi.Cost, Tenant: tenant, Currency: currency, Amount: amount}
	if err := kpi.NewMoney(c.Money.Of).Convert(&ev); err != nil {
		return 0, ""
	}
	return ev.Amount, ev.Currency
}

// What a tenant leaves out is as for all, but rates belong to their currency.
func TestMoney(t *testing.T) {
	c, warnings, err := Load(write(t, `money:
  currency: CNY
  rates: {USD: "7.12", JPY: 0.047}
  tenants:
    europe: {currency: EUR, rates: {USD: "0.92"}}
    bank: {rates: {USD: "7.2", CHF: "8.1"}}
    home: {currency: CNY}
    plain: {currency: EUR}
`))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	type value struct {
		Amount   int64
		Currency string
	}
	got := map[string]value{}
	for _, tenant := range []string{"any", "europe", "bank", "home", "plain"} {
		for _, currency := range []string{"CNY", "USD", "JPY", "EUR", "CHF"} {
			if amount, code := worth(t, c, tenant, currency, 100_0000); code != "" {
				got[tenant+" "+currency] = value{amount, code}
			}
		}
	}
	want := map[string]value{ // of 100
		"any CNY": {100_0000, "CNY"}, "any USD": {712_0000, "CNY"}, "any JPY": {4_7000, "CNY"},
		"europe EUR": {100_0000, "EUR"}, "europe USD": {92_0000, "EUR"},
		"bank CNY": {100_0000, "CNY"}, "bank USD": {720_0000, "CNY"}, "bank JPY": {4_7000, "CNY"}, "bank CHF": {810_0000, "CNY"},
		"home CNY": {100_0000, "CNY"}, "home USD": {712_0000, "CNY"}, "home JPY": {4_7000, "CNY"},
		"plain EUR": {100_0000, "EUR"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Where nothing is set, any one currency will do.
func TestMoneyWithoutAFile(t *testing.T) {
	for _, currency := range []string{"CNY", "EUR"} {
		if amount, code := worth(t, Default(), "any", currency, 7); amount != 7 || code != currency {
			t.Errorf("7 %s came to %d %s", currency, amount, code)
		}
	}
}

// Rates are read to the last digit, in quotes or not.
func TestRatesAreExact(t *testing.T) {
	for _, c := range []struct {
		rate     string
		in, want int64
	}{
		{`"0.12345678901234"`, 100_000_000_000_000_000, 12_345_678_901_234_000},
		{"0.12345678901234", 100_000_000_000_000_000, 12_345_678_901_234_000},
		{"7.10", 1_0000, 7_1000},
		{`"0.0000171"`, 1_000_000_0000, 17_1000},
	} {
		file, _, err := Load(write(t, "money: {currency: CNY, rates: {IRR: "+c.rate+"}}\n"))
		if err != nil {
			t.Errorf("%s: %v", c.rate, err)
			continue
		}
		if got, _ := worth(t, file, "any", "IRR", c.in); got != c.want {
			t.Errorf("%s gave %d, want %d", c.rate, got, c.want)
		}
	}
	for _, rate := range []string{`"0.1234567890123456"`, "0.1234567890123456", "1e3", "0.0000171"} {
		_, _, err := Load(write(t, "money: {currency: CNY, rates: {IRR: "+rate+"}}\n"))
		if err == nil || !strings.Contains(err.Error(), "in quotes") {
			t.Errorf("%s gave %v", rate, err)
		}
	}
}
