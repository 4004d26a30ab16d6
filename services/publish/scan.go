package publish

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxEvent bounds one event, or one line, in bytes: beyond NATS' own limit anyway.
const maxEvent = 8 << 20

// errSyntax marks text that is no JSON event; what follows it can still be read.
var errSyntax = errors.New("event is not valid JSON")

// eachEvent calls each for every event of a text, with the line on which it begins, or
// with an error for what could not be cut into events. It takes one event per line, an
// event over several lines whose first and last are not indented, and an array.
func eachEvent(in io.Reader, each func(line int, data []byte, err error) error) error {
	r := bufio.NewReader(in)
	line := 1
	for {
		c, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch c {
		case '\n':
			line++
		case ' ', '\t', '\r', 0xEF, 0xBB, 0xBF: // and the byte-order mark
		case '[':
			_ = r.UnreadByte() // just read, so it cannot fail
			return eachOfArray(r, line, each)
		default:
			_ = r.UnreadByte()
			return eachOfLines(r, line, each)
		}
	}
}

// eachOfLines reads events on lines of their own, or over several.
func eachOfLines(r *bufio.Reader, line int, each func(line int, data []byte, err error) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxEvent)
	var open []byte // an event over several lines
	begin := 0
	for ; s.Scan(); line++ {
		text := bytes.TrimRight(s.Bytes(), " \t\r")
		switch {
		case open != nil:
			open = append(append(open, '\n'), text...)
			if len(text) == 0 || text[0] != '}' {
				if len(open) > maxEvent {
					return fmt.Errorf("line %d: the event is larger than %d bytes", begin, maxEvent)
				}
				continue
			}
			text, open = open, nil
		case len(text) == 0:
			continue
		case text[0] == '{' && text[len(text)-1] != '}':
			open, begin = bytes.Clone(text), line
			continue
		default:
			begin = line
		}
		if err := each(begin, text, validate(text)); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("line %d: %w: give one event of at most %d bytes per line", line, err, maxEvent)
	}
	if open != nil {
		return each(begin, open, validate(open))
	}
	return nil
}

// validate says where JSON breaks off.
func validate(text []byte) error {
	var raw json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return fmt.Errorf("%w: %w: write one {…} per line", errSyntax, err)
	}
	return nil
}

// eachOfArray reads the events of an array, without holding it whole.
func eachOfArray(r io.Reader, line int, each func(line int, data []byte, err error) error) error {
	lines := &lineReader{r: r, line: line}
	dec := json.NewDecoder(lines)
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("line %d: %w", line, err)
	}
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return each(lines.at(dec.InputOffset()), nil, fmt.Errorf("%w: %w: what follows in the array was not read", errSyntax, err))
		}
		if err := each(lines.at(dec.InputOffset()-int64(len(raw))), raw, nil); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return each(lines.at(dec.InputOffset()), nil, fmt.Errorf("%w: the array does not end with ]", errSyntax))
	}
	return nil
}

// lineReader remembers where the lines begin that were read ahead.
type lineReader struct {
	r     io.Reader
	read  int64
	line  int     // of the offset last asked for
	ahead []int64 // offsets of the line ends after it
}

func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.ahead = append(l.ahead, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at returns the line of an offset; offsets must not fall.
func (l *lineReader) at(offset int64) int {
	for len(l.ahead) > 0 && l.ahead[0] < offset {
		l.ahead = l.ahead[1:]
		l.line++
	}
	return l.line
}
