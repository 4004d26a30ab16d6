package kpi

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// Money brings the amounts of a tenant's events into one currency, since sums over several
// mean nothing. Its state is small: the currency of each tenant, where none is set the one
// that came first. That is a function of the order of the events, so whoever reads them
// from their beginning again gets the same. It is not safe for concurrent use.
type Money struct {
	of      func(tenant string) Currency
	tenants map[string]*Currency
}

// Currency is what a tenant's amounts are kept in, and what units of others are worth in
// it. Without a Code, the first currency that an event names is taken, and no other.
type Currency struct {
	Code  string
	Rates map[string]Rate
	first bool // Code was not set, but came first
}

// NewMoney returns a Money for tenants with the currencies that of gives, once for each
// tenant; nil gives none.
func NewMoney(of func(tenant string) Currency) *Money {
	if of == nil {
		of = func(string) Currency { return Currency{} }
	}
	return &Money{of: of, tenants: make(map[string]*Currency)}
}

// Convert changes the event's amount and currency into those of its tenant. An amount in a
// currency without a rate, or that is too large then, is refused with a *FieldError, and
// the event stays as it was. Events without an amount pass.
func (m *Money) Convert(ev *Event) error {
	if ev.Currency == "" {
		return nil
	}
	c := m.currency(ev)
	if ev.Currency == c.Code {
		return nil
	}
	body := bodyNames[ev.Kind]
	rate, ok := c.Rates[ev.Currency]
	if !ok {
		return refuse("currency", ev.Currency, ReasonUnknown, c.remedy(ev.Tenant, ev.Currency)).in(body)
	}
	amount, ok := rate.convert(ev.Amount)
	if !ok {
		name := "amount"
		if ev.Kind == Opening {
			name = "revenue"
		}
		return refuse(name, formatMoney(ev.Amount), ReasonRange,
			fmt.Sprintf("give an amount that has at most %d digits before the point in %s, too", moneyDigits, c.Code)).in(body)
	}
	ev.Amount, ev.Currency = amount, c.Code
	return nil
}

// currency is that of the event's tenant; where none is set, the event's own holds from
// now on.
func (m *Money) currency(ev *Event) *Currency {
	if c, ok := m.tenants[ev.Tenant]; ok {
		return c
	}
	c := m.of(ev.Tenant)
	if c.Code == "" {
		c = Currency{Code: strings.Clone(ev.Currency), first: true}
	}
	m.tenants[strings.Clone(ev.Tenant)] = &c
	return &c
}

func (c *Currency) remedy(tenant, given string) string {
	if c.first {
		return fmt.Sprintf("set the currency of %s and the rate of %s under money in the configuration, or send %s, which came first", tenant, given, c.Code)
	}
	return fmt.Sprintf("state the rate of %s under money.rates in the configuration, or send %s, the currency of %s", given, c.Code, tenant)
}

// Rate is how many units of a tenant's currency one unit of another is worth: an exact
// decimal number above 0.
type Rate struct {
	number uint64 // the digits, without the point
	scale  uint64 // 10 to the power of the places
}

// rateDigits is how many digits a rate has at most: as many as a YAML number keeps that
// has lost its quotes.
const rateDigits = 15

var errRate = errors.New("is no rate: give how many units of the currency one unit is worth, a decimal number above 0 of at most 15 digits, in quotes as in \"7.12\"")

// ParseRate reads a rate, as in "7.12".
func ParseRate(text string) (Rate, error) {
	whole, places, _ := strings.Cut(text, ".")
	number, rest, ok := digits(whole+places, rateDigits)
	switch {
	case !ok, rest != "", number == 0, whole == "", strings.HasSuffix(text, "."):
		return Rate{}, fmt.Errorf("%q %w", text, errRate)
	}
	r := Rate{number: uint64(number), scale: 1}
	for range places {
		r.scale *= 10
	}
	return r, nil
}

// convert multiplies an amount exactly and rounds it to 10⁻⁴, half away from zero. ok is
// false where it has more digits then than an amount may have.
func (r Rate) convert(amount int64) (out int64, ok bool) {
	size := uint64(max(amount, -amount)) // amounts have 18 digits at most
	high, low := bits.Mul64(size, r.number)
	low, carry := bits.Add64(low, r.scale/2, 0)
	if high += carry; high >= r.scale {
		return 0, false
	}
	quotient, _ := bits.Div64(high, low, r.scale)
	if quotient >= maxMoney {
		return 0, false
	}
	if amount < 0 {
		return -int64(quotient), true
	}
	return int64(quotient), true
}

// maxMoney is one more than the largest amount, in 10⁻⁴: its digits before and after the
// point.
const maxMoney = 1e18

// formatMoney writes an amount as events have it.
func formatMoney(amount int64) string {
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	return fmt.Sprintf("%s%d.%04d", sign, amount/10_000, amount%10_000)
}

// IsCurrency reports whether a text has the form of a currency's code in ISO 4217.
func IsCurrency(code string) bool { return isCurrency(code) }
