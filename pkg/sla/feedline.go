package sla

import (
	"bytes"
	"fmt"
	"strings"
)

// property is a content line of an iCalendar file.
type property struct {
	line   int
	name   string // upper case
	params map[string]string
	value  string
}

// readEvents returns the properties of each VEVENT, its BEGIN first; those of components
// within it are left out.
func readEvents(data []byte) (events [][]property, err error) {
	var within []string
	lines := unfold(data)
	for _, l := range lines {
		p, err := parseProperty(l)
		if err != nil {
			return nil, err
		}
		value := strings.ToUpper(p.value)
		switch p.name {
		case "BEGIN":
			if len(within) == 0 && value != "VCALENDAR" {
				return nil, &FeedError{p.line, "the file does not begin with BEGIN:VCALENDAR", "give an iCalendar file"}
			}
			within = append(within, value)
			if len(within) == 2 && value == "VEVENT" {
				events = append(events, []property{p})
			}
		case "END":
			if len(within) == 0 || within[len(within)-1] != value {
				return nil, &FeedError{p.line, fmt.Sprintf("END:%s ends nothing", value), "let BEGIN and END come in pairs"}
			}
			within = within[:len(within)-1]
		default:
			if len(within) == 0 {
				return nil, &FeedError{p.line, "the file does not begin with BEGIN:VCALENDAR", "give an iCalendar file"}
			}
			if len(within) == 2 && within[1] == "VEVENT" {
				events[len(events)-1] = append(events[len(events)-1], p)
			}
		}
	}
	if len(lines) == 0 || len(within) > 0 {
		return nil, &FeedError{max(1, bytes.Count(data, []byte("\n"))), "the file ends before its calendar does", "give the whole file"}
	}
	return events, nil
}

type contentLine struct {
	line int
	text string
}

// unfold joins lines that go on with a blank. Empty lines are left out.
func unfold(data []byte) (out []contentLine) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	n := 0
	for text := range strings.Lines(string(data)) {
		n++
		text = strings.TrimRight(text, "\r\n")
		switch {
		case text == "":
		case (text[0] == ' ' || text[0] == '\t') && len(out) > 0:
			out[len(out)-1].text += text[1:]
		default:
			out = append(out, contentLine{n, text})
		}
	}
	return out
}

// parseProperty reads NAME;PARAM=VALUE;PARAM="VALUE":VALUE.
func parseProperty(l contentLine) (property, error) {
	p := property{line: l.line}
	quoted, from := false, 0
	for i, c := range []byte(l.text) {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted || c != ';' && c != ':':
		default:
			p.take(l.text[from:i])
			if c == ':' {
				p.value = strings.TrimSpace(l.text[i+1:])
				return p, nil
			}
			from = i + 1
		}
	}
	return p, &FeedError{l.line, "the line has no colon", "give an iCalendar file: NAME:VALUE on each line"}
}

// take keeps the name, or a parameter.
func (p *property) take(text string) {
	if p.name == "" {
		p.name = strings.ToUpper(text)
		return
	}
	if p.params == nil {
		p.params = make(map[string]string)
	}
	name, value, _ := strings.Cut(text, "=")
	p.params[strings.ToUpper(name)] = strings.Trim(value, `"`)
}
