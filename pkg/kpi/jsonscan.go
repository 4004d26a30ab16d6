package kpi

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259) from a text, strictly: valid UTF-8, no lone surrogates.
type scanner struct {
	src []byte
	pos int
}

func (s *scanner) fail(expected string) *FieldError {
	end := min(len(s.src), s.pos+16)
	err := malformed("correct the JSON at byte " + strconv.Itoa(s.pos) + ": " + expected)
	err.Value = shown(string(s.src[min(s.pos, end):end]))
	return err
}

// peek returns the next byte that is not white space; 0 at the end.
func (s *scanner) peek() byte {
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) *FieldError {
	if s.peek() != c {
		return s.fail("expected '" + string(c) + "'")
	}
	s.pos++
	return nil
}

// end refuses whatever follows the value.
func (s *scanner) end() *FieldError {
	if s.peek(); s.pos < len(s.src) {
		return s.fail("expected the end")
	}
	return nil
}

// members calls each for the members of an object, with pos at the member's value.
func (s *scanner) members(each func(name string) *FieldError) *FieldError {
	return s.list('{', '}', func() *FieldError {
		s.peek()
		name, err := s.text()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		s.peek()
		return each(string(name))
	})
}

// list reads what stands between open and shut, separated by commas.
func (s *scanner) list(open, shut byte, each func() *FieldError) *FieldError {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.peek() == shut {
		s.pos++
		return nil
	}
	for {
		s.peek()
		if err := each(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case shut:
			s.pos++
			return nil
		default:
			return s.fail("expected ',' or '" + string(shut) + "'")
		}
	}
}

// text reads a string. The result may alias the source.
func (s *scanner) text() ([]byte, *FieldError) {
	if s.pos >= len(s.src) || s.src[s.pos] != '"' {
		return nil, s.fail("expected a string")
	}
	start := s.pos + 1
	for i := start; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '"':
			if !utf8.Valid(s.src[start:i]) {
				return nil, s.fail("expected UTF-8")
			}
			s.pos = i + 1
			return s.src[start:i], nil
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			s.pos = i
			return nil, s.fail("expected an escape in place of a control character")
		}
	}
	s.pos = len(s.src)
	return nil, s.fail("expected the end of a string")
}

// escaped reads a string that holds escapes and begins at start.
func (s *scanner) escaped(start int) ([]byte, *FieldError) {
	var out []byte
	for s.pos = start; s.pos < len(s.src); {
		switch c := s.src[s.pos]; {
		case c == '"':
			if !utf8.Valid(out) {
				return nil, s.fail("expected UTF-8")
			}
			s.pos++
			return out, nil
		case c < ' ':
			return nil, s.fail("expected an escape in place of a control character")
		case c != '\\':
			out = append(out, c)
			s.pos++
		default:
			r, ok := s.escape()
			if !ok {
				return nil, s.fail("expected an escape that JSON has")
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return nil, s.fail("expected the end of a string")
}

var escapes = map[byte]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape reads an escape at pos, with both halves of a surrogate pair.
func (s *scanner) escape() (rune, bool) {
	if s.pos+1 < len(s.src) {
		if r, ok := escapes[s.src[s.pos+1]]; ok {
			s.pos += 2
			return r, true
		}
	}
	r, ok := s.hex(s.pos)
	if !ok {
		return 0, false
	}
	if !utf16.IsSurrogate(r) {
		s.pos += 6
		return r, true
	}
	low, ok := s.hex(s.pos + 6)
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, false
	}
	s.pos += 12
	return r, true
}

// hex reads the escape \uXXXX at position i.
func (s *scanner) hex(i int) (rune, bool) {
	if i+6 > len(s.src) || s.src[i] != '\\' || s.src[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.src[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// literal reads a number, true, false or null and returns its text.
func (s *scanner) literal() (string, *FieldError) {
	start, i := s.pos, s.pos
	for i < len(s.src) && isLiteralByte(s.src[i]) {
		i++
	}
	word := string(s.src[start:i])
	switch word {
	case "true", "false", "null":
	default:
		if !isNumber(word) {
			return "", s.fail("expected a value")
		}
	}
	s.pos = i
	return word, nil
}

func isLiteralByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.'
}

// isNumber reports whether s is a number in the grammar of JSON.
func isNumber(s string) bool {
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	whole := countDigits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	if s = s[whole:]; s != "" && s[0] == '.' {
		places := countDigits(s[1:])
		if places == 0 {
			return false
		}
		s = s[1+places:]
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && countDigits(s) == len(s)
}

func countDigits(s string) int {
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return n
}

const maxDepth = 32 // of nested values; an event has four levels

// value passes over any value, checks its form, and returns its text.
func (s *scanner) value(depth int) ([]byte, *FieldError) {
	if depth == maxDepth {
		return nil, s.fail("expected at most 32 levels")
	}
	next := s.peek()
	start := s.pos
	inner := func() *FieldError {
		_, err := s.value(depth + 1)
		return err
	}
	var err *FieldError
	switch next {
	case '{':
		err = s.members(func(string) *FieldError { return inner() })
	case '[':
		err = s.list('[', ']', inner)
	case '"':
		_, err = s.text()
	default:
		_, err = s.literal()
	}
	return s.src[start:s.pos], err
}
