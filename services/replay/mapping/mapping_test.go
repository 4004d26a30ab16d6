package mapping

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
	"github.com/deskpulse/deskpulse/services/replay/table"
)

// TestEvents runs the cases in testdata/events: a mapping, tables, and the events and
// complaints that must come out. They are written by hand.
func TestEvents(t *testing.T) {
	cases, err := filepath.Glob("testdata/events/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runCase(t, file) })
	}
}

func runCase(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir, parts, tables := unpack(t, a)
	m, err := Load(filepath.Join(dir, "mapping.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int{1, 1 << 20} { // every row spilled, and none
		var bad, got []string
		o := Options{TempDir: dir, Memory: memory, Bad: func(e *table.Error) error {
			bad = append(bad, e.Error())
			return nil
		}}
		stats, err := m.Run(t.Context(), tables, o, func(ev *Event) error {
			got = append(got, string(ev.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		compareEvents(t, got, parts["events.jsonl"])
		if want := split(parts["bad"]); !slices.Equal(bad, want) {
			t.Errorf("bad rows:\n%s\nwant:\n%s", strings.Join(bad, "\n"), strings.Join(want, "\n"))
		}
		if stats.Events != int64(len(got)) || stats.Bad != int64(len(bad)) {
			t.Errorf("stats count %d events and %d bad rows, want %d and %d", stats.Events, stats.Bad, len(got), len(bad))
		}
	}
}

// unpack writes the files of a case and returns those that are tables.
func unpack(t *testing.T, a *txtar.Archive) (dir string, parts map[string]string, tables []string) {
	dir, parts = t.TempDir(), map[string]string{}
	for _, f := range a.Files {
		parts[f.Name] = string(f.Data)
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains([]string{"mapping.yaml", "events.jsonl", "bad"}, f.Name) {
			tables = append(tables, path)
		}
	}
	return dir, parts, tables
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func compareEvents(t *testing.T, got []string, text string) {
	t.Helper()
	var want []string
	for _, line := range split(text) {
		ev, err := kpi.ParseJSON([]byte(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, string(data))
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("event %d:\n got %s\nwant %s", i, shown(t, got, i), shown(t, want, i))
		}
	}
}

func shown(t *testing.T, events []string, i int) string {
	if i >= len(events) {
		return "none"
	}
	return describe(t, []byte(events[i]))
}

// TestMistakes checks the messages about mistakes in mappings, with their places.
func TestMistakes(t *testing.T) {
	a, err := txtar.ParseFile("testdata/errors/mistakes.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data.csv")
	if err := os.WriteFile(data, []byte("id,priority\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		t.Run(f.Name, func(t *testing.T) {
			first, _, _ := bytes.Cut(f.Data, []byte("\n"))
			want := strings.TrimPrefix(string(first), "# ")
			path := filepath.Join(dir, "m.yaml")
			if err := os.WriteFile(path, f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := Load(path)
			if err == nil {
				_, err = m.Run(t.Context(), []string{data}, Options{Memory: 1 << 20}, func(*Event) error { return nil })
			}
			if err == nil {
				t.Fatalf("no error, want %s", want)
			}
			if got := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "m.yaml:"), " "); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func describe(t *testing.T, data []byte) string {
	ev := &deskpulsev1.Event{}
	if err := proto.Unmarshal(data, ev); err != nil {
		t.Fatal(err)
	}
	text, err := kpi.MarshalJSON(ev)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
