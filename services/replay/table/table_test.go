package table

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// read returns the rows of a file as "column=value …" and what was complained of.
func read(t *testing.T, f Format, content []byte) (rows, bad []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r := Reader{Format: f, Columns: NewColumns()}
	err = r.Read(path, func(row *Row, err error) error {
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *Error", err)
			}
			bad = append(bad, err.Error())
			return nil
		}
		var out []string
		for id, name := range r.Columns.Names() {
			if v := row.Get(id); v != "" {
				out = append(out, name+"="+v)
			}
		}
		slices.Sort(out)
		rows = append(rows, strings.Join(out, " "))
		return nil
	})
	return rows, bad, err
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text)) // a bytes.Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

func TestDialects(t *testing.T) {
	for _, c := range []struct {
		name    string
		format  Format
		content []byte
		want    []string
	}{
		{"plain", Format{}, []byte("a,b\n1,2\n3,\n"), []string{"a=1 b=2", "a=3"}},
		{"empty", Format{}, nil, nil},
		{"header only", Format{}, []byte("a,b\n"), nil},
		{"gzip", Format{}, zipped("a,b\n1,2\n"), []string{"a=1 b=2"}},
		{"gzipped json", Format{}, zipped(`{"a":1}` + "\n" + `{"a":2}`), []string{"a=1", "a=2"}},
		{"bom and crlf", Format{}, []byte("\ufeffa,b\r\n1,2\r\n"), []string{"a=1 b=2"}},
		{"utf-16", Format{}, []byte("\xff\xfea\x00\n\x00\xe9\x00\n\x00"), []string{"a=é"}},
		{"windows-1252", Format{Encoding: "windows-1252"}, []byte("a\n\x80\xe9\n"), []string{"a=€é"}},
		{"quotes", Format{}, []byte("a,b\n\"x \"\"y\"\", z\",\"two\nlines\"\n"), []string{"a=x \"y\", z b=two\nlines"}},
		{"lazy quotes", Format{Quotes: "lazy"}, []byte("a,b\n5\" pipe,x\n"), []string{`a=5" pipe b=x`}},
		{"no quotes", Format{Quotes: "none", Delimiter: " - "}, []byte("a - b\n\"x - y\n"), []string{`a="x b=y`}},
		{"tab", Format{Delimiter: "\t"}, []byte("a\tb\n1\t2\n"), []string{"a=1 b=2"}},
		{"trimmed and missing", Format{Missing: []string{"?", "N/A"}}, []byte(" a ,b\n ? ,N/A\n N/A x, ?\n"), []string{"", "a=N/A x"}},
		{"names", Format{Names: []string{"x", "y"}}, []byte("1,2\n"), []string{"x=1 y=2"}},
		{"skip and comment", Format{SkipLines: 2, Comment: "#"}, []byte("report\nof today\na,b\n#1,2\n3,4\n"), []string{"a=3 b=4"}},
		{"ragged", Format{Ragged: true}, []byte("a,b\n1\n1,2,3\n"), []string{"a=1", "a=1 b=2"}},
		{"unnamed column", Format{}, []byte(",b\n1,2\n"), []string{"b=2 column_1=1"}},
		{"nested json", Format{}, []byte(`{"a":{"b":[1,{"c":true}]},"d":null,"e":1e3}`), []string{"a.b.#=2 a.b.0=1 a.b.1.c=true e=1e3"}},
		{"json array", Format{}, []byte(" [ {\"a\":1},\n{\"a\":2}]"), []string{"a=1", "a=2"}},
		{"json on many lines", Format{Kind: "json", Explode: "t"}, []byte("{\n \"v\": 1,\n \"t\": [\n  {\"a\": 1},\n  {\"a\": 2}\n ]\n}\n{\"v\": 2}"),
			[]string{"t.#=2 t.a=1 v=1", "t.#=2 t.a=2 v=1", "t.#=0 v=2"}},
		{"explode", Format{Explode: "c"}, []byte(`{"a":1,"c":[{"x":1},{"x":2}]}` + "\n" + `{"a":2}`),
			[]string{"a=1 c.#=2 c.x=1", "a=1 c.#=2 c.x=2", "a=2 c.#=0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, bad, err := read(t, c.format, c.content)
			if err != nil || len(bad) > 0 {
				t.Fatalf("err %v, bad %q", err, bad)
			}
			if !slices.Equal(rows, c.want) {
				t.Errorf("rows %q, want %q", rows, c.want)
			}
		})
	}
}

// TestBadRows checks that what is wrong with one row does not harm the next.
func TestBadRows(t *testing.T) {
	for _, c := range []struct {
		name      string
		content   string
		rows, bad []string
	}{
		{"quotes", "a,b\n1\"x,2\n3,4\n", []string{"a=3 b=4"},
			[]string{`t.csv: row 1 (line 2): bare " in non-quoted-field: correct the quotes, or set input.quotes to lazy or none`}},
		{"width", "a,b\n1\n3,4\n", []string{"a=3 b=4"},
			[]string{"t.csv: row 1 (line 2): has 1 values for 2 columns: correct it, or set input.delimiter, or input.ragged to true"}},
		{"encoding", "a,b\n1,\xe9\n3,4\n", []string{"a=3 b=4"},
			[]string{`t.csv: row 1 (line 2): b "\xe9": is not UTF-8: set input.encoding, for example to windows-1252`}},
		{"json", "{\"a\":1}\n{\"a\":\n[2]\n{\"a\":3}{}\n{\"a\":4}\n", []string{"a=1", "a=4"}, []string{
			`t.csv: row 2 (line 2): json "{\"a\":": is no JSON object (unexpected EOF): write one per line, or set input.format to json`,
			`t.csv: row 3 (line 3): json "[2]": is no JSON object (json: cannot unmarshal array into Go value of type map[string]interface {}): write one per line, or set input.format to json`,
			`t.csv: row 4 (line 4): json "{\"a\":3}{}": has something after the object: write one object per line`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, bad, err := read(t, Format{}, []byte(c.content))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(rows, c.rows) || !slices.Equal(bad, c.bad) {
				t.Errorf("rows %q, bad:\n%s\nwant %q and:\n%s", rows, strings.Join(bad, "\n"), c.rows, strings.Join(c.bad, "\n"))
			}
		})
	}
}

func TestBadFiles(t *testing.T) {
	for _, c := range []struct {
		name    string
		format  Format
		content string
		want    string
	}{
		{"other delimiter", Format{}, "a;b\n1;2\n", `t.csv: the header "a;b" has no ",": set input.delimiter to ";"`},
		{"two of one name", Format{}, "a,a\n", `t.csv: two columns are named "a": name all with input.names and leave the header out with input.skip_lines`},
		{"encoding", Format{Encoding: "klingon"}, "a\n", `encoding "klingon" is unknown: use a name such as windows-1252 or utf-16le`},
		{"cut gzip", Format{}, string(zipped(strings.Repeat("a,b\n", 99))[:40]), "t.csv: unexpected EOF"},
		{"cut array", Format{}, `[{"a":1},`, "t.csv: after row 1: EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := read(t, c.format, []byte(c.content))
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}
