package kpi

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")

// docBlocks returns the blocks of JSON in docs/events.md.
func docBlocks(t testing.TB) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, match := range jsonBlock.FindAllStringSubmatch(string(page), -1) {
		blocks = append(blocks, match[1])
	}
	if len(blocks) == 0 {
		t.Fatal("docs/events.md shows no event")
	}
	return blocks
}

func isBatch(block string) bool { return strings.Contains(block, `"events"`) }

// docEvents returns those blocks that hold one event.
func docEvents(t testing.TB) []string {
	var events []string
	for _, block := range docBlocks(t) {
		if !isBatch(block) {
			events = append(events, block)
		}
	}
	return events
}

// TestDocs decodes every event that the docs show, and wants every kind among them.
func TestDocs(t *testing.T) {
	shown := map[Kind]int{}
	var d Decoder
	for _, block := range docBlocks(t) {
		env := Envelope{Tenant: "acme", JSON: true}
		if isBatch(block) {
			env.Kind = KindBatch
		}
		d.Decode(env, []byte(block), func(ev *Event, raw []byte, err error) {
			if err != nil {
				t.Errorf("%v\nin %s", err, raw)
				return
			}
			shown[ev.Kind]++
		})
	}
	for kind := Ticket; kind < numKinds; kind++ {
		if shown[kind] < 2 {
			t.Errorf("kind %s: %d events shown, want a minimal and a full one", kind, shown[kind])
		}
	}
}

// TestDocsNameEveryField wants each field and each value of the contract on the page.
func TestDocsNameEveryField(t *testing.T) {
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	var names func(fields *jsonFields)
	names = func(fields *jsonFields) {
		for _, f := range fields.ordered {
			if !strings.Contains(string(page), "`"+f.name+"`") {
				t.Errorf("field %s is not on the page", f.name)
			}
			if f.message != nil {
				names(f.message)
			}
			if f.enum == nil {
				continue
			}
			for _, value := range f.enum.names[1:] {
				if !strings.Contains(string(page), "`"+value+"`") {
					t.Errorf("value %s of %s is not on the page", value, f.name)
				}
			}
		}
	}
	names(eventFields)
}
