package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// readJSON reads one object per line, or the objects of one array.
func (s *source) readJSON() error {
	head, err := s.in.Peek(1)
	for ; err == nil && bytes.ContainsAny(head, " \t\r\n"); head, err = s.in.Peek(1) {
		if head[0] == '\n' {
			s.line++
		}
		if _, err := s.in.Discard(1); err != nil {
			return err
		}
	}
	if len(head) == 1 && head[0] == '[' {
		return s.readArray()
	}
	return s.readLines()
}

func (s *source) readLines() error {
	for {
		text, err := s.in.ReadBytes('\n')
		if len(text) == 0 && err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("%s: %w", s.file, err)
		}
		s.line++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		s.row++
		if err := s.object(text, s.line); err != nil {
			return err
		}
	}
}

func (s *source) readArray() error {
	d := json.NewDecoder(s.in)
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	for d.More() {
		var text json.RawMessage
		if err := d.Decode(&text); err != nil {
			return fmt.Errorf("%s: after row %d: %w", s.file, s.row, err)
		}
		s.row++
		if err := s.object(text, 0); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%s: the array has no end: %w", s.file, err)
	}
	return nil
}

// readValues reads objects one after another, or arrays of them, on whatever lines.
func (s *source) readValues() error {
	d := json.NewDecoder(s.in)
	for {
		var text json.RawMessage
		switch err := d.Decode(&text); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: after row %d: %w", s.file, s.row, err)
		}
		objects := []json.RawMessage{text}
		if text[0] == '[' {
			objects = nil
			if err := json.Unmarshal(text, &objects); err != nil {
				return fmt.Errorf("%s: after row %d: %w", s.file, s.row, err)
			}
		}
		for _, object := range objects {
			s.row++
			if err := s.object(object, 0); err != nil {
				return err
			}
		}
	}
}

func (s *source) object(text []byte, line int64) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return s.bad(line, "json", string(text), "is no JSON object ("+err.Error()+"): write one per line, or set input.format to json")
	}
	if d.More() {
		return s.bad(line, "json", string(text), "has something after the object: write one object per line")
	}
	elements := s.cut(object)
	count := len(elements)
	if elements == nil {
		elements = []any{nil} // the object alone
	}
	for i, element := range elements {
		if i > 0 {
			s.row++ // each element is a row
		}
		row := &Row{File: s.file, Number: s.row, Line: line}
		s.flatten(row, "", object)
		if s.Format.Explode != "" {
			row.Set(s.Columns.ID(s.Format.Explode+".#"), strconv.Itoa(count))
		}
		if element != nil {
			s.flatten(row, s.Format.Explode, element)
		}
		if err := s.emit(row); err != nil {
			return err
		}
	}
	return nil
}

// cut takes the array at Explode out of the object and returns its elements. An object
// without one is one row.
func (s *source) cut(object map[string]any) []any {
	path := s.Format.Explode
	if path == "" {
		return nil
	}
	for at := object; ; {
		if elements, ok := at[path].([]any); ok {
			delete(at, path)
			if len(elements) == 0 {
				return nil
			}
			return elements
		}
		head, rest, _ := bytes.Cut([]byte(path), []byte("."))
		inner, ok := at[string(head)].(map[string]any)
		if !ok {
			return nil
		}
		at, path = inner, string(rest)
	}
}

// flatten stores the leaves of a JSON value under their paths: a.b for a field, a.0 for
// an element, a.# for the number of elements.
func (s *source) flatten(row *Row, path string, value any) {
	join := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			s.flatten(row, join(name), inner)
		}
	case []any:
		row.Set(s.Columns.ID(join("#")), strconv.Itoa(len(v)))
		for i, inner := range v {
			s.flatten(row, join(strconv.Itoa(i)), inner)
		}
	case string:
		row.Set(s.Columns.ID(path), s.clean(v))
	case json.Number:
		row.Set(s.Columns.ID(path), s.clean(v.String()))
	case bool:
		row.Set(s.Columns.ID(path), strconv.FormatBool(v))
	}
}
