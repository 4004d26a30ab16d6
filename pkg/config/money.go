package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/process"
)

// Money says in which currency amounts are kept.
type Money struct {
	Currency `yaml:",inline"`
	// Tenants give what differs for a tenant.
	Tenants map[string]Currency `yaml:"tenants"`
}

// Currency is what a tenant's amounts are kept in. What is left out is as for all tenants;
// but rates are those of a currency, so a tenant with another one has its own alone.
type Currency struct {
	// Currency is a code in ISO 4217; empty is the first that a tenant's events name, and
	// no other.
	Currency string `yaml:"currency"`
	// Rates say how many units of it one unit of another currency is worth, by code.
	Rates map[string]string `yaml:"rates"`
}

// over is c where it says something, else usual.
func (c Currency) over(usual Currency) Currency {
	if c.Currency != "" && c.Currency != usual.Currency {
		return c
	}
	rates := maps.Clone(usual.Rates)
	if rates == nil {
		rates = map[string]string{}
	}
	maps.Copy(rates, c.Rates)
	return Currency{Currency: usual.Currency, Rates: rates}
}

// build reads the rates. path is where c stands.
func (c Currency) build(path string) (out kpi.Currency, err error) {
	if c.Currency != "" {
		if err := code(path+".currency", c.Currency); err != nil {
			return out, err
		}
	}
	out = kpi.Currency{Code: c.Currency, Rates: map[string]kpi.Rate{}}
	for _, other := range slices.Sorted(maps.Keys(c.Rates)) {
		at := path + ".rates." + other
		switch err := code(at, other); {
		case err != nil:
			return out, err
		case c.Currency == "":
			return out, &process.FieldError{Path: at, Problem: "it is not said in which currency amounts are kept", Remedy: "give it as currency, beside the rates"}
		case other == c.Currency:
			return out, &process.FieldError{Path: at, Problem: fmt.Sprintf("%s is the currency itself", other), Remedy: "take its rate out"}
		}
		if out.Rates[other], err = kpi.ParseRate(c.Rates[other]); err != nil {
			return out, wrong(at, err)
		}
	}
	return out, nil
}

func code(path, text string) error {
	if kpi.IsCurrency(text) {
		return nil
	}
	return &process.FieldError{Path: path, Problem: fmt.Sprintf("%q is no currency", text), Remedy: "use its code in ISO 4217, as in EUR"}
}

func (m *Money) check() error {
	if _, err := m.build("money"); err != nil {
		return err
	}
	for _, tenant := range slices.Sorted(maps.Keys(m.Tenants)) {
		if strings.TrimSpace(tenant) == "" {
			return &process.FieldError{Path: "money.tenants", Problem: "a tenant has no name", Remedy: "give it its name"}
		}
		if _, err := m.Tenants[tenant].over(m.Currency).build("money.tenants." + tenant); err != nil {
			return err
		}
	}
	return nil
}

// Of returns the currency of a tenant. The configuration must have been validated.
func (m *Money) Of(tenant string) kpi.Currency {
	c, err := m.Tenants[tenant].over(m.Currency).build("money")
	if err != nil {
		panic("config: internal error: " + err.Error())
	}
	return c
}
