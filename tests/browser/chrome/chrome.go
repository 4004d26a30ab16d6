// Package chrome starts a real, headless Chromium for tests and keeps watch on it.
package chrome

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// names are those under which distributions install the browser.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// patience bounds everything that one test asks of the browser.
const patience = 2 * time.Minute

// Start starts a Chromium with a fresh profile and returns the context of its first
// tab. chromedp.NewContext on it opens another tab. It ends with the test, which fails
// where there is no Chromium.
func Start(t testing.TB) context.Context {
	t.Helper()
	path := find()
	if path == "" {
		t.Fatalf("no %s on the PATH: install it with: apt-get install -y chromium", strings.Join(names, ", "))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	// The allocator makes a profile directory of its own and removes it at the end.
	ctx, cancel = chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(path),
		chromedp.Headless,
		chromedp.NoSandbox, // a container's root has none
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), // containers give it 64 MB
	)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("stop %s: %v", path, err)
		}
	})
	return ctx
}

func find() string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Watcher notes what a tab asks for and complains of. It is safe for concurrent use.
type Watcher struct {
	mu       sync.Mutex
	requests []string
	errors   []string
}

// Watch notes the requests, console errors, exceptions and refused policies of the tab
// of ctx from now on.
func Watch(ctx context.Context, t testing.TB) *Watcher {
	t.Helper()
	w := new(Watcher)
	chromedp.ListenTarget(ctx, w.note)
	if err := chromedp.Run(ctx, network.Enable(), log.Enable()); err != nil {
		t.Fatalf("watch the tab: %v", err)
	}
	return w
}

func (w *Watcher) note(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, e.Request.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			w.errors = append(w.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		w.errors = append(w.errors, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			w.errors = append(w.errors, fmt.Sprint("console.error: ", len(e.Args), " values"))
		}
	}
}

// Requests lists the addresses asked for so far.
func (w *Watcher) Requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// Foreign lists those requests that went to another origin than base's.
func (w *Watcher) Foreign(base string) (out []string) {
	own, err := url.Parse(base)
	if err != nil {
		return []string{err.Error()}
	}
	for _, r := range w.Requests() {
		u, err := url.Parse(r)
		if err != nil || u.Scheme != own.Scheme || u.Host != own.Host {
			out = append(out, r)
		}
	}
	return out
}

// Errors lists what the tab complained of so far.
func (w *Watcher) Errors() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.errors)
}
