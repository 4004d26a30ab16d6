package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// records yields the records of a CSV file with the line on which each begins.
type records func() (values []string, line int64, err error)

func (s *source) readCSV() error {
	next := s.records()
	names := s.Format.Names
	if len(names) == 0 {
		header, _, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: header line: %w", s.file, err)
		}
		names = slices.Clone(header)
	}
	ids, err := s.header(names)
	if err != nil {
		return err
	}
	row := &Row{File: s.file}
	for {
		values, line, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if parse := (*csv.ParseError)(nil); err != nil && !errors.As(err, &parse) {
			return fmt.Errorf("%s: %w", s.file, err)
		}
		s.row++
		if err := s.record(row, ids, values, line, err); err != nil {
			return err
		}
	}
}

func (s *source) record(row *Row, ids []int, values []string, line int64, err error) error {
	switch parse := (*csv.ParseError)(nil); {
	case errors.As(err, &parse):
		return s.bad(s.line+int64(parse.StartLine), "", "", parse.Err.Error()+": correct the quotes, or set input.quotes to lazy or none")
	case len(values) != len(ids) && !s.Format.Ragged:
		return s.bad(line, "", "", fmt.Sprintf("has %d values for %d columns: correct it, or set input.delimiter, or input.ragged to true", len(values), len(ids)))
	}
	row.Number, row.Line = s.row, line
	clear(row.Values)
	for i, id := range ids {
		if i < len(values) {
			row.Set(id, s.clean(values[i]))
		}
	}
	return s.emit(row)
}

// header gives each column its id.
func (s *source) header(names []string) ([]int, error) {
	ids := make([]int, len(names))
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if names[i] == "" {
			names[i] = fmt.Sprintf("column_%d", i+1)
		}
		if slices.Contains(names[:i], names[i]) {
			return nil, fmt.Errorf("%s: two columns are named %q: name all with input.names and leave the header out with input.skip_lines", s.file, names[i])
		}
		ids[i] = s.Columns.ID(names[i])
	}
	if d := s.Format.delimiter(); len(names) == 1 {
		for _, other := range []string{";", "\t", "|", ","} {
			if other != d && strings.Contains(names[0], other) {
				return nil, fmt.Errorf("%s: the header %s has no %q: set input.delimiter to %q", s.file, Quote(names[0]), d, other)
			}
		}
	}
	if s.Header != nil {
		return ids, s.Header(s.file, names)
	}
	return ids, nil
}

func (s *source) records() records {
	if s.Format.Quotes == "none" {
		return s.splitRecords()
	}
	r := csv.NewReader(s.in)
	r.Comma, _ = utf8.DecodeRuneInString(s.Format.delimiter())
	if s.Format.Comment != "" {
		r.Comment, _ = utf8.DecodeRuneInString(s.Format.Comment)
	}
	r.LazyQuotes = s.Format.Quotes == "lazy"
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	return func() ([]string, int64, error) {
		values, err := r.Read()
		if err != nil {
			return nil, 0, err
		}
		line, _ := r.FieldPos(0)
		return values, s.line + int64(line), nil
	}
}

// splitRecords has no quotes: a line is a record.
func (s *source) splitRecords() records {
	return func() ([]string, int64, error) {
		for {
			text, err := s.in.ReadString('\n')
			if text == "" && err != nil {
				return nil, 0, err
			}
			s.line++
			text = strings.TrimRight(text, "\r\n")
			if text != "" && (s.Format.Comment == "" || !strings.HasPrefix(text, s.Format.Comment)) {
				return strings.Split(text, s.Format.delimiter()), s.line, nil
			}
		}
	}
}
