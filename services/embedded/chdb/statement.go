package chdb

import (
	"regexp"
	"slices"
	"strings"
)

// statement is what the server must know of an SQL text before the engine sees it.
type statement struct {
	sql    string // without the semicolon at its end
	kind   string // first word, upper case: SELECT, INSERT, CREATE …
	format string // of its FORMAT clause; of the data, for an INSERT with data
	clause int    // where the FORMAT clause begins in sql; its length without one

	hasData  bool   // INSERT … FORMAT x or VALUES: data follows
	before   string // the INSERT up to its table and columns
	settings string // its SETTINGS clause, if any
	data     string // what of the data lies in the text itself
}

// token is a word, a quoted thing, or one other character.
type token struct {
	text       string
	start, end int
	depth      int // of parentheses around it
}

func (t token) word() string { return strings.ToUpper(t.text) }

var heredoc = regexp.MustCompile(`^\$\w*\$`)

// nextToken skips blanks and comments from position at.
func nextToken(sql string, at, depth int) (token, bool) {
	for at < len(sql) {
		rest := sql[at:]
		skip := 0
		switch {
		case strings.ContainsRune(" \t\r\n\f\v\x00", rune(rest[0])):
			skip = 1
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
			skip = upTo(rest, "\n", 1)
		case strings.HasPrefix(rest, "/*"):
			skip = upTo(rest, "*/", 2)
		}
		if skip == 0 {
			n := tokenLength(rest)
			return token{text: rest[:n], start: at, end: at + n, depth: depth}, true
		}
		at += skip
	}
	return token{}, false
}

// upTo is the length of s through its first mark after from, else all of s.
func upTo(s, mark string, from int) int {
	if i := strings.Index(s[from:], mark); i >= 0 {
		return from + i + len(mark)
	}
	return len(s)
}

func tokenLength(s string) int {
	switch c := s[0]; {
	case c == '\'' || c == '"' || c == '`':
		return quotedLength(s, c)
	case c == '$':
		if tag := heredoc.FindString(s); tag != "" {
			return upTo(s, tag, len(tag))
		}
		return 1
	case wordByte(c):
		n := 1
		for n < len(s) && wordByte(s[n]) {
			n++
		}
		return n
	}
	return 1
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quotedLength is the length of a quoted thing, in which a backslash escapes and
// a doubled quote stands for itself.
func quotedLength(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// scan yields the tokens of sql, from the given position, until yield says no.
func scan(sql string, at int, yield func(token) bool) {
	depth := 0
	for {
		t, ok := nextToken(sql, at, depth)
		if !ok {
			return
		}
		switch t.text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
			t.depth = depth
		}
		if !yield(t) {
			return
		}
		at = t.end
	}
}

// parse reads one statement. An INSERT may carry the beginning of its data.
func parse(sql string) (*statement, error) {
	first, ok := nextToken(sql, 0, 0)
	if !ok {
		return nil, refuse(codeSyntaxError, "Empty query; send SQL in the query parameter or the body")
	}
	s := &statement{sql: sql, kind: first.word()}
	if s.kind == "INSERT" {
		if err := s.parseInsert(first.end); err != nil || s.hasData {
			return s, err
		}
	}
	return s, s.parsePlain()
}

// parsePlain finds FORMAT, cuts the semicolon and refuses a second statement
// and output into the server's files, as a ClickHouse server does over HTTP.
func (s *statement) parsePlain() (err error) {
	var last, before token // of depth 0
	end := len(s.sql)
	scan(s.sql, 0, func(t token) bool {
		switch {
		case end < len(s.sql):
			err = refuse(codeSyntaxError, "Syntax error (Multi-statements are not allowed): failed at position %d; send one statement per request", t.start+1)
		case t.text == ";":
			end = t.start
		case t.depth == 0 && t.word() == "OUTFILE" && last.word() == "INTO":
			err = refuse(codeNotImplemented, "INTO OUTFILE is not allowed over HTTP; take the answer's body")
		case t.depth == 0:
			if last.word() == "FORMAT" && before.text != "" && wordByte(t.text[0]) {
				s.format, s.clause = t.text, last.start
			} else if s.format != "" && last.text == s.format && t.word() != "SETTINGS" && before.word() == "FORMAT" {
				s.format = "" // FORMAT was a name: more of the query follows
			}
			before, last = last, t
		}
		return err == nil
	})
	s.sql = s.sql[:end]
	if s.format == "" {
		s.clause = len(s.sql)
	}
	return err
}

var (
	beforeTarget = []string{"INTO", "TABLE", "FUNCTION"}
	beforeQuery  = []string{"SELECT", "WITH", "WATCH", "EXPLAIN"}
)

// parseInsert looks for the place where the data of an INSERT begins.
func (s *statement) parseInsert(at int) (err error) {
	var (
		previous         token
		target, settings = -1, -1
	)
	scan(s.sql, at, func(t token) bool {
		word := t.word()
		switch {
		case t.depth > 0 || t.text == ")":
		case target < 0:
			if !slices.Contains(beforeTarget, word) {
				target = t.start
			}
		case previous.text == "." || t.text == "." || t.text == "(":
		case word == "SETTINGS":
			settings = t.start
		case word == "FORMAT":
			err = s.dataAfter(t, settings)
			return false
		case word == "VALUES":
			s.setData("Values", t.start, t.end, settings)
			return false
		case word == "FROM" && settings < 0:
			err = refuse(codeNotImplemented, "INSERT FROM INFILE reads files of the client; send the data in the request's body")
			return false
		case slices.Contains(beforeQuery, word):
			return false
		}
		previous = t
		return true
	})
	return err
}

// dataAfter handles INSERT … FORMAT name, then a blank or line end, then data.
func (s *statement) dataAfter(format token, settings int) error {
	name, ok := nextToken(s.sql, format.end, 0)
	if !ok || !wordByte(name.text[0]) {
		return refuse(codeSyntaxError, "Syntax error: no format name after FORMAT at position %d", format.end)
	}
	end := name.end
	for end < len(s.sql) && strings.ContainsRune(" \t\r\f", rune(s.sql[end])) {
		end++
	}
	if end < len(s.sql) && s.sql[end] == ';' {
		end++
	}
	if end < len(s.sql) && s.sql[end] == '\n' {
		end++
	}
	s.setData(name.text, format.start, end, settings)
	return nil
}

func (s *statement) setData(format string, clause, data, settings int) {
	s.hasData, s.format, s.data = true, format, s.sql[data:]
	s.before = s.sql[:clause]
	if settings >= 0 {
		s.before, s.settings = s.sql[:settings], s.sql[settings:clause]
	}
}

// fromFile is the INSERT with its data in a file.
func (s *statement) fromFile(path string) string {
	return s.before + "\nFROM INFILE " + quote(path) + "\n" + s.settings + "\nFORMAT " + s.format
}

// intoFile is the query with its output in a file.
func (s *statement) intoFile(path string) string {
	return s.sql[:s.clause] + "\nINTO OUTFILE " + quote(path) + "\n" + s.sql[s.clause:]
}

// quote makes an SQL string literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// quoteName makes an SQL identifier.
func quoteName(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}
