// Package table reads tables: files of CSV or JSON lines, plain or gzipped, as rows of
// text.
//
// A value is always text: trimmed, and empty where it is missing. What a row means is
// the business of package mapping. Memory is bounded by one row, and by the number of
// different columns.
package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Format says how a file is written. Its zero value reads CSV with a header line and
// commas, or JSON lines, whichever the file begins like.
type Format struct {
	Kind      string   // csv, ndjson or json; csv or ndjson by the file's first character where empty
	Delimiter string   // "," where empty; one character, unless Quotes is none
	Quotes    string   // standard where empty; lazy allows stray quotes; none gives them no meaning
	Comment   string   // lines that begin with this character are left out
	Names     []string // the columns, where the file has no header line
	SkipLines int      // lines before the header (or before the first row)
	Ragged    bool     // rows may have fewer or more values than there are columns
	Missing   []string // values that mean "none", besides the empty one
	Encoding  string   // utf-8 where empty; any name that browsers know
	Explode   string   // path of an array in a JSON row: each element becomes a row
}

// Row is one row. Its Values are indexed by the ids of Columns.
type Row struct {
	File   string // base name
	Number int64  // in its file, from 1, the header not counted
	Line   int64  // where it begins; 0 where that is unknown
	Values []string
}

// Get returns the value of a column id; "" where the row has none.
func (r *Row) Get(id int) string {
	if r == nil || id < 0 || id >= len(r.Values) {
		return ""
	}
	return r.Values[id]
}

// Set stores the value of a column id.
func (r *Row) Set(id int, value string) {
	for len(r.Values) <= id {
		r.Values = append(r.Values, "")
	}
	r.Values[id] = value
}

// Clone returns a copy that shares no memory with r's slice.
func (r *Row) Clone() *Row {
	c := *r
	c.Values = slices.Clone(r.Values)
	return &c
}

// Error is a row that cannot be used.
type Error struct {
	File         string
	Row, Line    int64
	Field, Value string
	Problem      string // what is wrong, and the remedy
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	fmt.Fprintf(&b, ": row %d", e.Row)
	if e.Line > 0 {
		fmt.Fprintf(&b, " (line %d)", e.Line)
	}
	b.WriteString(": ")
	if e.Field != "" {
		fmt.Fprintf(&b, "%s %s: ", e.Field, Quote(e.Value))
	}
	return b.String() + e.Problem
}

// Quote quotes a value for a message, shortened where it is long.
func Quote(value string) string {
	const longest = 80
	if len(value) > longest {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(value[:longest], ""))
	}
	return fmt.Sprintf("%q", value)
}

// Columns is the dictionary of the column names of all files of a replay.
type Columns struct {
	names []string
	ids   map[string]int
}

// NewColumns returns an empty dictionary.
func NewColumns() *Columns { return &Columns{ids: map[string]int{}} }

// ID returns the id of a name, giving it one where it has none.
func (c *Columns) ID(name string) int {
	id, ok := c.ids[name]
	if !ok {
		id = len(c.names)
		c.names = append(c.names, name)
		c.ids[name] = id
	}
	return id
}

// Find returns the id of a name, and whether it is known.
func (c *Columns) Find(name string) (int, bool) {
	id, ok := c.ids[name]
	return id, ok
}

// Alias gives a column a second name.
func (c *Columns) Alias(alias, name string) { c.ids[alias] = c.ID(name) }

// Names lists the names that files gave, in the order in which they were met.
func (c *Columns) Names() []string { return c.names }

// Reader reads files of one Format into rows over one dictionary.
type Reader struct {
	Format  Format
	Columns *Columns
	// Header, where set, is told the columns of each CSV file before its first row.
	Header func(file string, names []string) error
	// Progress, where set, is told how many bytes of a file were read.
	Progress func(bytes int)

	missing map[string]bool
}

// Read hands over the rows of a file. A row that cannot be read comes as an *Error with
// a nil row; when each returns an error, reading ends with it. The row is valid only
// within the call.
func (r *Reader) Read(path string, each func(*Row, error) error) error {
	if err := r.Format.Validate(); err != nil {
		return err
	}
	r.missing = map[string]bool{}
	for _, m := range r.Format.Missing {
		r.missing[m] = true
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := r.open(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	lines, err := skip(text, r.Format.SkipLines)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	src := &source{Reader: r, in: text, file: filepath.Base(path), line: lines, each: each}
	kind, err := r.kind(text)
	switch {
	case errors.Is(err, io.EOF):
		return nil // an empty file
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case kind == "ndjson":
		return src.readJSON()
	case kind == "json":
		return src.readValues()
	}
	return src.readCSV()
}

// open unpacks and decodes, as the content asks.
func (r *Reader) open(f io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(&counting{f, r.Progress}, 1<<16)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReaderSize(z, 1<<16)
	}
	charset := encoding.Nop // the validity of UTF-8 is checked by value
	if name := r.Format.Encoding; name != "" && !strings.EqualFold(name, "utf-8") {
		var err error
		if charset, err = htmlindex.Get(name); err != nil {
			return nil, fmt.Errorf("encoding %q is unknown: use a name such as windows-1252 or utf-16le", name)
		}
	}
	decoded := transform.NewReader(in, unicode.BOMOverride(charset.NewDecoder()))
	return bufio.NewReaderSize(decoded, 1<<16), nil
}

// kind tells JSON from CSV by the first character that is no space.
func (r *Reader) kind(in *bufio.Reader) (string, error) {
	if r.Format.Kind != "" {
		return r.Format.Kind, nil
	}
	for n := 1; ; n++ {
		head, err := in.Peek(n)
		if err != nil {
			return "", err
		}
		switch c := head[n-1]; {
		case c == '{' || c == '[':
			return "ndjson", nil
		case !strings.ContainsRune(" \t\r\n", rune(c)):
			return "csv", nil
		}
	}
}

func skip(in *bufio.Reader, lines int) (int64, error) {
	for n := range lines {
		if _, err := in.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, fmt.Errorf("skip_lines is %d, but the file has %d lines", lines, n)
		}
	}
	return int64(lines), nil
}

// Validate checks what can be known without a file.
func (f *Format) Validate() error {
	switch {
	case !slices.Contains([]string{"", "csv", "ndjson", "json"}, f.Kind):
		return fmt.Errorf("format %q is unknown: use csv, ndjson or json", f.Kind)
	case !slices.Contains([]string{"", "standard", "lazy", "none"}, f.Quotes):
		return fmt.Errorf("quotes %q is unknown: use standard, lazy or none", f.Quotes)
	case f.Quotes != "none" && utf8.RuneCountInString(f.Delimiter) > 1:
		return fmt.Errorf("delimiter %q is longer than one character: add quotes: none", f.Delimiter)
	case slices.Contains([]string{"\"", "\r", "\n"}, f.Delimiter):
		return fmt.Errorf("delimiter %q cannot separate values: use one such as , ; | or \\t", f.Delimiter)
	case utf8.RuneCountInString(f.Comment) > 1:
		return fmt.Errorf("comment %q is longer than one character", f.Comment)
	case f.Comment != "" && f.Comment == f.delimiter():
		return fmt.Errorf("comment %q is also the delimiter: change one", f.Comment)
	case f.SkipLines < 0:
		return fmt.Errorf("skip_lines %d is negative", f.SkipLines)
	case f.Explode != "" && f.Kind == "csv":
		return fmt.Errorf("explode %q needs format: ndjson", f.Explode)
	}
	if f.Encoding != "" {
		if _, err := htmlindex.Get(f.Encoding); err != nil {
			return fmt.Errorf("encoding %q is unknown: use a name such as windows-1252 or utf-16le", f.Encoding)
		}
	}
	return nil
}

func (f *Format) delimiter() string {
	if f.Delimiter == "" {
		return ","
	}
	return f.Delimiter
}

type counting struct {
	in       io.Reader
	progress func(int)
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if c.progress != nil && n > 0 {
		c.progress(n)
	}
	return n, err
}

// source is one file being read.
type source struct {
	*Reader
	in   *bufio.Reader
	file string
	line int64 // lines before in
	row  int64
	each func(*Row, error) error
}

// clean trims a value, and empties it where it is marked as missing.
func (s *source) clean(value string) string {
	value = strings.TrimSpace(value)
	if s.missing[value] {
		return ""
	}
	return value
}

func (s *source) bad(line int64, field, value, problem string) error {
	return s.each(nil, &Error{File: s.file, Row: s.row, Line: line, Field: field, Value: value, Problem: problem})
}

// emit checks the row's text and hands it over.
func (s *source) emit(row *Row) error {
	for id, v := range row.Values {
		if !utf8.ValidString(v) {
			return s.bad(row.Line, s.Columns.names[id], v, "is not UTF-8: set input.encoding, for example to windows-1252")
		}
	}
	return s.each(row, nil)
}

// Lines hands over the lines of a text file, plain or gzipped, that are not blank. The
// line is valid only within the call.
func (r *Reader) Lines(path string, each func(line []byte, number int64) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := r.open(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for number := int64(1); ; number++ {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: %w", path, err)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := each(line, number); err != nil {
			return err
		}
	}
}
