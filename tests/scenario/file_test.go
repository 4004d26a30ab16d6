package scenario_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// file is a parsed scenario.
type file struct {
	lines   []string
	configs map[string]string // YAML by name; the name may be empty
	kpis    string            // YAML that is merged into the catalogue
	events  []event
	asks    []*ask // in the order of the file
}

// ask is a read or a list.
type ask struct {
	line    int // of the statement, from 1
	at      int64
	live    bool
	config  string
	list    string // what is listed; empty for a read
	kpis    []string
	windows []string
	by      kpi.Set
	want    []string // the lines below, without their tab
}

// parseFile reads a scenario. An error begins with the number of the line.
func parseFile(text string) (*file, error) {
	f := &file{lines: strings.Split(text, "\n"), configs: map[string]string{}}
	log := newLog()
	for i := 0; i < len(f.lines); i++ {
		number, line := i+1, f.lines[i]
		var err error
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
			continue
		case line[0] == '\t' || line[0] == ' ':
			err = fmt.Errorf("%q belongs to no statement: begin prose with #", line)
		case line[0] >= '0' && line[0] <= '9':
			err = log.add(number, line)
		default:
			block := f.block(i + 1)
			err = f.statement(number, line, block)
			i += len(block)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	f.events = log.events
	return f, f.check()
}

// block returns the lines from i on that begin with a tab.
func (f *file) block(i int) (block []string) {
	for ; i < len(f.lines) && strings.HasPrefix(f.lines[i], "\t"); i++ {
		block = append(block, f.lines[i][1:])
	}
	return block
}

func (f *file) statement(number int, line string, block []string) error {
	tokens, err := split(line)
	if err != nil {
		return err
	}
	switch tokens[0] {
	case "config":
		name := ""
		if len(tokens) > 1 {
			name = tokens[1]
		}
		f.configs[name] = strings.Join(block, "\n") + "\n"
		return nil
	case "catalogue":
		f.kpis = strings.Join(block, "\n") + "\n"
		return nil
	case "read", "list":
		a := &ask{line: number, want: block}
		f.asks = append(f.asks, a)
		return a.parse(tokens)
	default:
		return fmt.Errorf("%q is no statement: use config, catalogue, read, list, or begin an event with its time", tokens[0])
	}
}

func (a *ask) parse(tokens []string) (err error) {
	if len(tokens) < 3 {
		return fmt.Errorf("%s is too short: give an instant and what is asked for", tokens[0])
	}
	at, err := parseTime(tokens[1])
	if err != nil {
		return err
	}
	a.at = at.Unix()
	if tokens[0] == "list" {
		a.list = tokens[2]
		tokens = append(tokens[:2], tokens[3:]...)
	}
	for _, token := range tokens[2:] {
		name, value, _ := strings.Cut(token, "=")
		switch name {
		case "live":
			a.live = true
		case "config":
			a.config = value
		case "kpi":
			a.kpis = strings.Split(value, ",")
		case "window":
			a.windows = strings.Split(value, ",")
		case "by":
			if a.by, err = kpi.ParseSet(value); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%q is unknown: use live, config=, kpi=, window= or by=", token)
		}
	}
	if len(a.kpis) == 0 && a.list == "" {
		return fmt.Errorf("the read names no kpi: add kpi=…")
	}
	return nil
}

func (f *file) check() error {
	if len(f.configs) == 0 {
		f.configs[""] = "{}\n"
	}
	if len(f.asks) == 0 {
		return fmt.Errorf("nothing is read: add a read")
	}
	for _, a := range f.asks {
		if _, ok := f.configs[a.config]; !ok {
			return fmt.Errorf("line %d: there is no config %q: say which with config=", a.line, a.config)
		}
	}
	return nil
}

// replace puts lines below an ask in place of those that are there.
func (f *file) replace(a *ask, lines []string) {
	out := append([]string{}, f.lines[:a.line]...)
	for _, line := range lines {
		out = append(out, "\t"+line)
	}
	f.lines = append(out, f.lines[a.line+len(a.want):]...)
	for _, other := range f.asks {
		if other.line > a.line {
			other.line += len(lines) - len(a.want)
		}
	}
	a.want = lines
}

// split cuts a line at blanks, but not within double quotes, which it takes away.
func split(line string) (tokens []string, err error) {
	var token strings.Builder
	quoted, begun := false, false
	for _, r := range line + " " {
		switch {
		case r == '"':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				tokens = append(tokens, token.String())
			}
			token.Reset()
			begun = false
		default:
			token.WriteRune(r)
			begun = true
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quote is not closed: add \"")
	}
	return tokens, nil
}

// parseTime reads RFC 3339, in which the seconds may be left out.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write it as 2026-03-02T09:00Z or 2026-03-02T09:00:30+01:00", text)
}
