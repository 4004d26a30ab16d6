package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// Validator is what a pointer to a configuration struct implements. Warnings do not stop the start.
// An error about one field is a FieldError, so that its place in the file can be told.
type Validator interface {
	Validate() (warnings []string, err error)
}

// FieldError is a mistake in one field of a configuration.
type FieldError struct {
	Path    string // as in "sla.targets.high" or "windows[2]"
	Problem string // as in `"7x" is no duration`
	Remedy  string // as in "write 7d, 12h or 90m"
}

func (e *FieldError) Error() string {
	return e.Path + ": " + e.Problem + remedy(e.Remedy)
}

// FileError is a mistake in a configuration file. Line and Column are 0 where the
// mistake has no place, such as a field that is missing.
type FileError struct {
	File         string
	Line, Column int
	Problem      string
	Remedy       string
}

func (e *FileError) Error() string {
	place := e.File
	if e.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	return place + ": " + e.Problem + remedy(e.Remedy)
}

func remedy(r string) string {
	if r == "" {
		return ""
	}
	return ": " + r
}

// LoadFile reads the YAML file into config, which holds the defaults, and validates
// it. A field that config does not have, or a key given twice, is an error. Errors are
// *FileError, several of them joined; warnings start with the file's name.
func LoadFile(file string, config Validator) (warnings []string, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Load(file, data, config)
}

// Load is LoadFile for a file that has been read.
func Load(file string, data []byte, config Validator) (warnings []string, err error) {
	value := reflect.ValueOf(config).Elem()
	defaults := reflect.New(value.Type()).Elem()
	defaults.Set(value)
	err = yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(config)
	switch {
	case errors.Is(err, io.EOF):
		value.Set(defaults) // the decoder empties what an empty file says nothing of
	case err != nil:
		return nil, decodeError(file, err, config)
	}
	warnings, err = config.Validate()
	for i, w := range warnings {
		warnings[i] = file + ": " + w
	}
	return warnings, locate(file, data, err)
}

// decodeError gives the decoder's error its place and a remedy.
func decodeError(file string, err error, config any) error {
	e := &FileError{File: file, Problem: err.Error()}
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return e
	}
	e.Problem = ye.GetMessage()
	if tk := ye.GetToken(); tk != nil && tk.Position != nil {
		e.Line, e.Column = tk.Position.Line, tk.Position.Column
		var unknown *yaml.UnknownFieldError
		if errors.As(err, &unknown) {
			e.Problem = fmt.Sprintf("field %q is unknown", tk.Value)
			e.Remedy = suggest(tk.Value, fieldNames(reflect.TypeOf(config)))
		}
	}
	if e.Remedy == "" {
		e.Remedy = remedyFor(err)
	}
	return e
}

func remedyFor(err error) string {
	var duplicate *yaml.DuplicateKeyError
	var wrong *yaml.TypeError
	var node *yaml.UnexpectedNodeTypeError
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &duplicate), errors.As(err, &syntax) && strings.HasPrefix(syntax.Message, "mapping key "):
		return "give the key once"
	case errors.As(err, &wrong), errors.As(err, &node):
		return "give a value of that type"
	case errors.As(err, &syntax):
		return "mend the YAML there: indent with spaces, one space after each colon"
	default:
		return ""
	}
}

// locate turns the FieldErrors in err into FileErrors with their place.
func locate(file string, data []byte, err error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, locate(file, data, e))
		}
		return errors.Join(out...)
	}
	fe := &FileError{File: file, Problem: err.Error()}
	var field *FieldError
	if errors.As(err, &field) {
		fe.Problem, fe.Remedy = field.Path+": "+field.Problem, field.Remedy
		fe.Line, fe.Column = place(data, field.Path)
	}
	return fe
}

// place finds the field, or the innermost part of its path that the file has.
func place(data []byte, field string) (line, column int) {
	for field != "" {
		if path, err := yaml.PathString("$." + field); err == nil {
			node, err := path.ReadNode(bytes.NewReader(data))
			if err == nil && node.GetToken() != nil {
				p := node.GetToken().Position
				return p.Line, p.Column
			}
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
	return 0, 0
}
