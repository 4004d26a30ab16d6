package replay_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/deskpulse/deskpulse/services/replay"
)

var fence = regexp.MustCompile("(?s)```(csv|json|yaml)\n(.*?)```")

// TestDocs runs the examples of docs/replay.md: a table and the mapping after it.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository(t), "docs", "replay.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"created", "replied", "created", "resolved"}, // by time: ticket 8 comes before 7 is solved
		{"created", "work_started", "waiting", "resumed", "resolved", "closed"},
		{"offered", "answered", "offered", "abandoned", "ended"},
		{"answered"},
	}
	blocks := fence.FindAllStringSubmatch(string(text), -1)
	dir, found := t.TempDir(), 0
	for i := range len(blocks) - 1 {
		if blocks[i][1] == "yaml" || blocks[i+1][1] != "yaml" {
			continue
		}
		if found == len(want) {
			t.Fatalf("there are more than %d examples", found)
		}
		c := replay.Command{
			Mapping: write(t, dir, "m.yaml", blocks[i+1][2]), Data: []string{write(t, dir, "data."+blocks[i][1], blocks[i][2])}, Events: true,
		}
		var got []string
		lines(t, c, func(line []byte) { got = append(got, action(t, line)) })
		if !slices.Equal(got, want[found]) {
			t.Errorf("example %d gives %s, want %s", found+1, strings.Join(got, ", "), strings.Join(want[found], ", "))
		}
		found++
	}
	if found != len(want) {
		t.Errorf("%d examples found, want %d", found, len(want))
	}
}

func action(t *testing.T, line []byte) string {
	t.Helper()
	var ev struct {
		Ticket, Call, Survey *struct{ Action string }
	}
	if err := json.Unmarshal(line, &ev); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	for _, body := range []*struct{ Action string }{ev.Ticket, ev.Call, ev.Survey} {
		if body != nil {
			return body.Action
		}
	}
	return ""
}
