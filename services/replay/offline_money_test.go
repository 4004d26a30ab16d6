package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// orders are events of one tenant in three currencies.
func orders() string {
	var out strings.Builder
	for i, o := range [][2]string{{"100", "CNY"}, {"20", "USD"}, {"5", "EUR"}, {"0.0001", "USD"}} {
		fmt.Fprintf(&out, `{"id":"e%d","tenant":"acme","occurred_at":"2026-03-01T09:00:0%dZ","customer_id":"c%d","order":{"order_id":"O%d","amount":%q,"currency":%q}}`+"\n", i, i, i, i, o[0], o[1])
	}
	return out.String()
}

// TestOfflineMoney wants what has no rate left out, counted and told.
func TestOfflineMoney(t *testing.T) {
	const configured = "money: {currency: CNY, rates: {USD: \"7.12\"}}\n"
	for _, c := range []struct {
		config, revenue string
		out             uint64
		told            string
	}{
		{configured, "242.4007", 1, `order.currency "EUR" is unknown: state the rate of EUR under money.rates in the configuration, or send CNY, the currency of acme`},
		{"", "100", 3, `order.currency "USD" is unknown: set the currency of acme and the rate of USD under money in the configuration, or send CNY, which came first`},
	} {
		var out bytes.Buffer
		core, logs := observer.New(zap.WarnLevel)
		cmd := Command{
			Data: []string{write(t, "e.jsonl", orders())}, Offline: true, Memory: 1, Partitions: 3, Stdout: &out, Stderr: &bytes.Buffer{},
		}
		cmd.Computing.Config, cmd.Computing.KPI = write(t, "deskpulse.yaml", c.config), []string{"revenue_per_customer"}
		if err := cmd.Run(t.Context(), zap.New(core)); err != nil {
			t.Fatal(err)
		}
		var read struct{ Numerator json.Number }
		line, _, _ := strings.Cut(out.String(), "\n")
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if read.Numerator.String() != c.revenue {
			t.Errorf("revenue %s, want %s", read.Numerator, c.revenue)
		}
		told := logs.FilterMessage("event left out").All()
		if len(told) != int(c.out) {
			t.Fatalf("%d events are told, want %d", len(told), c.out)
		}
		want := map[string]any{"event": map[bool]string{true: "e2", false: "e1"}[c.out == 1], "because": c.told}
		if diff := cmp.Diff(want, told[0].ContextMap()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		last := logs.FilterMessageSnippet("cannot be added up").All()
		if len(last) != 1 || last[0].ContextMap()["events"] != c.out {
			t.Errorf("the end says %v, want %d events", last, c.out)
		}
	}
}
