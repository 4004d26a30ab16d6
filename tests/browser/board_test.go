package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/services/board"
	"github.com/deskpulse/deskpulse/services/board/boardtest"
	"github.com/deskpulse/deskpulse/tests/browser/chrome"
)

// desk is a running board whose readings the test decides.
type desk struct {
	t         *testing.T
	snapshots chan board.Snapshot
	server    *httptest.Server
	handler   http.Handler
}

func nameOf(t *testing.T, key, lang string) string {
	t.Helper()
	d, ok := compiled().Catalogue.Find(key)
	if !ok || d.Names[lang] == "" {
		t.Fatalf("%s has no name in %s", key, lang)
	}
	return d.Names[lang]
}

func open(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, snapshots: make(chan board.Snapshot)}
	b, err := board.New(board.Config{Compiled: compiled(), Groups: []kpi.Set{kpi.SetOf(kpi.Channel)}, Live: func(ctx context.Context, show func(board.Snapshot)) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case s := <-d.snapshots:
				show(s)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	d.handler = b.Handler()
	d.server = httptest.NewServer(d.handler)
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		d.server.Close()
	})
	return d
}

// restart closes the server with all its connections and opens it at the same address.
func (d *desk) restart(between func()) {
	d.t.Helper()
	address := d.server.Listener.Addr().String()
	d.server.CloseClientConnections()
	d.server.Close()
	between()
	l, err := net.Listen("tcp", address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.server = &httptest.Server{Listener: l, Config: &http.Server{Handler: d.handler}}
	d.server.Start()
}

// element is a tile or a cell as the document has it.
type element struct {
	Data map[string]string `json:"data"`
	Text string            `json:"text"`
}

func (e element) String() string { return fmt.Sprintf("%v %q", e.Data, e.Text) }

// tab is one tab of the browser.
type tab struct {
	t     *testing.T
	ctx   context.Context
	shots string // the directory of screenshots
}

func (tb tab) run(actions ...chromedp.Action) {
	tb.t.Helper()
	if err := chromedp.Run(tb.ctx, actions...); err != nil {
		tb.t.Fatal(err)
	}
}

// eval returns the value of a JavaScript expression.
func eval[T any](tb tab, expression string) (v T) {
	tb.t.Helper()
	tb.run(chromedp.Evaluate(expression, &v))
	return v
}

// until polls in the page until the expression is true.
func (tb tab) until(expression string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, 15*time.Second)
	defer cancel()
	err := chromedp.Run(ctx, chromedp.Poll(expression, nil, chromedp.WithPollingInterval(20*time.Millisecond)))
	if err != nil {
		tb.t.Fatalf("%s: %v; the page reads: %s", expression, err, eval[string](tb, `document.body.innerText`))
	}
}

// at returns the one element that the selector finds.
func (tb tab) at(selector string) element {
	tb.t.Helper()
	quoted, err := json.Marshal(selector)
	if err != nil {
		tb.t.Fatal(err)
	}
	found := eval[[]element](tb, fmt.Sprintf(
		`[...document.querySelectorAll(%s)].map(e => ({data: {...e.dataset}, text: e.innerText.replace(/\s+/g, " ").trim()}))`, quoted))
	if len(found) != 1 {
		tb.t.Fatalf("%s: %d elements: %v", selector, len(found), found)
	}
	return found[0]
}

// expect checks the raw value of an element and that its text contains some words.
func (tb tab) expect(selector, value string, words ...string) {
	tb.t.Helper()
	e := tb.at(selector)
	if e.Data["value"] != value {
		tb.t.Errorf("%s: value %q, want %q: %v", selector, e.Data["value"], value, e)
	}
	for _, w := range words {
		if !strings.Contains(e.Text, w) {
			tb.t.Errorf("%s: text %q lacks %q", selector, e.Text, w)
		}
	}
}

func (tb tab) screenshot(name string) {
	tb.t.Helper()
	var png []byte
	tb.run(chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(tb.shots, name+".png"), png, 0o600); err != nil {
		tb.t.Fatal(err)
	}
}

// screen sets the size and the scheme, "dark" or "light".
func screen(width, height int64, phone bool, scheme string) chromedp.Action {
	return chromedp.Tasks{
		emulation.SetDeviceMetricsOverride(width, height, 1, phone),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
	}
}

func tile(key string) string { return `[data-scope="tenant"][data-kpi="` + key + `"]` }

func cell(dimension, value, key string) string {
	return `td[data-` + dimension + `="` + value + `"][data-kpi="` + key + `"]`
}

const live = `document.documentElement.dataset.state === "live"`

func TestBoard(t *testing.T) {
	d := open(t)
	base := d.server.URL
	ctx := chrome.Start(t)
	watch := chrome.Watch(ctx, t)
	shots := t.ArtifactDir()
	tb := func(t *testing.T) tab { return tab{t, ctx, shots} }

	t.Run("no readings yet", func(t *testing.T) {
		tab := tb(t)
		tab.run(screen(1920, 1080, false, "light"), chromedp.Navigate(base))
		tab.until(`document.getElementById("state").textContent === "Waiting for data"`)
		tab.expect(tile("overdue_ratio"), "", "–")
	})
	t.Run("values", func(t *testing.T) {
		d.snapshots <- snapshot(busy(), time.Now())
		tab := tb(t)
		tab.until(live)
		// Mean of 1, 2 and 6 minutes.
		tab.expect(tile("response_time"), "180", "Response time", "mean", "last hour", "3.0", "min", "count 3")
		if e := tab.at(tile("response_time")); e.Data["count"] != "3" || e.Data["at"] == "" {
			t.Errorf("%v", e)
		}
		tab.expect(tile("overdue_ratio"), "0.25", "Overdue requests", "now", "25.0 %", "30 of 120")
		tab.expect(tile("repeat_incident_ratio"), "0.125", "12.5 %", "8 of 64")
		tab.expect(cell("team", "Billing", "overdue_ratio"), "0.75", "75.0", "9 of 12")
		tab.expect(cell("team", "Network", "overdue_ratio"), "0", "0.0", "0 of 48")
		// Nothing to divide by is no value, and not 0.
		tab.expect(cell("team", "Field service", "repeat_incident_ratio"), "", "–")
		got := eval[[]string](tab, `[...document.querySelectorAll("#rows th")].map(e => e.textContent)`)
		if want := "Billing|Field service|Network|Onboarding|Retail|Team 2|Team 10|(none)"; strings.Join(got, "|") != want {
			t.Errorf("teams %q, want %q", got, want)
		}
		// All others stand in the table of their section, in windows of their own.
		tab.expect(tile("sla_breach_ratio"), "0.125", nameOf(t, "sla_breach_ratio", "en"), "12.5", "1 of 8", "last 24 hours", "↓ lower")
		tab.expect(tile("complaint_count"), "1234", "1,234", "today")
		tab.expect(tile("slowest_stage"), "5400", "1.5", "h", "repair")
		tab.expect(tile("satisfaction_score"), "", "–")
		if n := eval[int](tab, `document.querySelectorAll('[data-scope="tenant"]').length`); n != len(compiled().Catalogue.KPIs) {
			t.Errorf("%d KPIs are shown, want %d", n, len(compiled().Catalogue.KPIs))
		}
		tab.screenshot("desktop-light")
		tab.run(screen(1920, 1080, false, "dark"))
		tab.screenshot("desktop-dark")
		tab.run(screen(390, 844, true, "dark"))
		if wide := eval[bool](tab, `document.documentElement.scrollWidth > innerWidth`); wide {
			t.Error("the page is wider than a phone")
		}
		tab.screenshot("phone-dark")
		tab.run(screen(1920, 1080, false, "light"))
	})
	t.Run("a change arrives by itself", func(t *testing.T) {
		tab := tb(t)
		sheet := busy()
		sheet.Overdue(tenant, kpi.Group{}, 30, 0)
		sheet.Overdue(tenant, boardtest.Group(kpi.Team, "Billing"), -3, 0)
		next := snapshot(sheet, time.Now())
		d.snapshots <- next
		tab.until(`document.querySelector('` + tile("overdue_ratio") + `').dataset.value === "0.5"`)
		tab.expect(tile("overdue_ratio"), "0.5", "50.0 %", "60 of 120")
		tab.expect(cell("team", "Billing", "overdue_ratio"), "0.5")
		want := time.Unix(next.At, 0).UTC().Format(time.RFC3339)
		if e := tab.at(tile("response_time")); e.Data["at"] != want {
			t.Errorf("at %s, want %s", e.Data["at"], want)
		}
	})
	t.Run("silent partitions", func(t *testing.T) {
		tab := tb(t)
		next := snapshot(busy(), time.Now())
		since := time.Now().Add(-time.Minute).Truncate(time.Second)
		for p := range uint16(3) {
			next.Silent = append(next.Silent, board.Silent{Partition: p, Since: since.Add(time.Duration(p) * time.Second)})
		}
		d.snapshots <- next
		tab.until(`!document.getElementById("warning").hidden`)
		want := "3 of 16 partitions silent since " + since.Local().Format("15:04:05")
		if e := tab.at("#warning"); !strings.Contains(e.Text, want) {
			t.Errorf("%q lacks %q", e.Text, want)
		}
		if e := tab.at(tile("overdue_ratio")); e.Data["stale"] != "partial" {
			t.Errorf("%v", e)
		}
		tab.screenshot("desktop-silent")
		d.snapshots <- snapshot(busy(), time.Now())
		tab.until(`document.getElementById("warning").hidden`)
		if e := tab.at(tile("overdue_ratio")); e.Data["stale"] != "" {
			t.Errorf("%v", e)
		}
	})
	t.Run("all partitions silent", func(t *testing.T) {
		tab := tb(t)
		none := board.Snapshot{Partitions: 1, Silent: []board.Silent{{Since: time.Now().Add(-5 * time.Second)}}}
		d.snapshots <- none
		tab.until(`document.getElementById("warning").innerText.startsWith("1 of 1 partitions silent")`)
		tab.expect(tile("overdue_ratio"), "", "–")
		d.snapshots <- snapshot(busy(), time.Now())
		tab.until(live)
		tab.expect(tile("overdue_ratio"), "0.25")
	})
	t.Run("readings of the past say so", func(t *testing.T) {
		tab := tb(t)
		d.snapshots <- snapshot(busy(), time.Date(2016, time.April, 1, 0, 0, 30, 0, time.UTC))
		tab.until(`document.documentElement.dataset.state === "past"`)
		tab.expect(tile("overdue_ratio"), "0.25")
		want := time.Date(2016, time.April, 1, 0, 0, 30, 0, time.UTC).Local().Format("2 January 2006")
		if e := tab.at("#warning"); !strings.Contains(e.Text, "as of "+want) {
			t.Errorf("%v", e)
		}
		tab.screenshot("desktop-past")
		d.snapshots <- snapshot(busy(), time.Now())
		tab.until(live)
	})
	t.Run("another breakdown and window", func(t *testing.T) {
		tab := tb(t)
		pick := func(id, value string) {
			tab.run(chromedp.Evaluate(fmt.Sprintf(
				`(e => { e.value = %q; e.dispatchEvent(new Event("change", {bubbles: true})) })(document.getElementById(%q))`, value, id), nil))
		}
		pick("by", "channel")
		tab.until(`document.querySelector('td[data-channel="email"]')`)
		tab.expect(cell("channel", "email", "overdue_ratio"), "0.5", "20 of 40")
		pick("window", "24h")
		tab.until(`document.querySelector('` + tile("repeat_incident_ratio") + `').dataset.value === "0.2"`)
		tab.expect(tile("repeat_incident_ratio"), "0.2", "last 24 hours", "20.0 %", "20 of 100")
		tab.expect(tile("overdue_ratio"), "0.25", "now")
		pick("by", "stage")
		tab.until(`document.querySelector('td[data-stage="repair"]')`)
		tab.expect(cell("stage", "repair", "stage_dwell_time"), "5400", "1.5")
		pick("by", "channel")
		tab.until(`document.querySelector('td[data-channel="email"]')`)
		if q := eval[string](tab, `location.search`); !strings.Contains(q, "by=channel") || !strings.Contains(q, "window=24h") {
			t.Errorf("the address does not keep the choice: %q", q)
		}
	})
	t.Run("Persian, from right to left", func(t *testing.T) {
		tab := tb(t)
		tab.run(chromedp.Navigate(base + "/?lang=fa"))
		tab.until(live)
		if dir := eval[string](tab, `getComputedStyle(document.body).direction`); dir != "rtl" {
			t.Errorf("direction %q", dir)
		}
		tab.expect(tile("overdue_ratio"), "0.25", nameOf(t, "overdue_ratio", "fa"), "۲۵٫۰", "۳۰ از ۱۲۰")
		tab.expect(tile("response_time"), "180", nameOf(t, "response_time", "fa"), "۳٫۰", "دقیقه")
		if left := eval[bool](tab, `document.querySelector("#rows th").getBoundingClientRect().left > innerWidth / 2`); !left {
			t.Error("the first column is not on the right")
		}
		tab.screenshot("desktop-fa")
		tab.run(screen(390, 844, true, "light"))
		tab.screenshot("phone-fa")
		tab.run(screen(1920, 1080, false, "light"))
	})
	t.Run("Chinese", func(t *testing.T) {
		tab := tb(t)
		tab.run(chromedp.Navigate(base + "/?lang=zh"))
		tab.until(live)
		tab.expect(tile("overdue_ratio"), "0.25", nameOf(t, "overdue_ratio", "zh"), "25.0", "30 / 120")
		tab.screenshot("desktop-zh")
	})
	t.Run("nothing foreign is asked for, nothing complained of", func(t *testing.T) {
		if len(watch.Requests()) == 0 {
			t.Error("no request was seen")
		}
		if foreign := watch.Foreign(base); foreign != nil {
			t.Errorf("requests to elsewhere: %q", foreign)
		}
		if errs := watch.Errors(); errs != nil {
			t.Errorf("the page complains: %q", errs)
		}
	})
	t.Run("a lost connection", func(t *testing.T) {
		tab := tb(t)
		// The page's clock can be put forward, so that the test need not wait.
		tab.run(
			chromedp.ActionFunc(func(ctx context.Context) error {
				_, err := page.AddScriptToEvaluateOnNewDocument(
					`{ const real = performance.now.bind(performance); let ahead = 0; performance.now = () => real() + ahead; window.wait = (ms) => { ahead += ms; }; }`).Do(ctx)
				return err
			}),
			chromedp.Navigate(base),
		)
		tab.until(live)
		d.restart(func() {
			tab.until(`document.documentElement.dataset.state === "reconnecting"`)
			tab.expect(tile("overdue_ratio"), "0.25") // for a moment only
			tab.run(chromedp.Evaluate(`wait(11_000)`, nil))
			tab.until(`document.documentElement.dataset.state === "lost"`)
			tab.expect(tile("overdue_ratio"), "", "–")
			if e := tab.at("#warning"); !strings.Contains(e.Text, "No connection since") {
				t.Errorf("%v", e)
			}
			tab.screenshot("desktop-lost")
		})
		d.snapshots <- snapshot(busy(), time.Now())
		tab.until(live)
		tab.expect(tile("overdue_ratio"), "0.25")
	})
}
