package chdb

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		sql, kind, format, fromFile, data string
	}{
		{"select 1 -- FORMAT CSV", "SELECT", "", "", ""},
		{"SELECT 'FORMAT CSV', \"FORMAT\" FORMAT JSON ;", "SELECT", "JSON", "", ""},
		{"SELECT 1 FORMAT JSON SETTINGS a = 1", "SELECT", "JSON", "", ""},
		{"SELECT format FROM t", "SELECT", "", "", ""},
		{"/* a */ # b\nWITH 1 AS x SELECT $$;$$", "WITH", "", "", ""},
		{"INSERT INTO t FORMAT Native\n\x00;'", "INSERT", "Native", "INSERT INTO t |\nFORMAT Native", "\x00;'"},
		{"INSERT INTO d.values (a, format) SETTINGS x = 1 VALUES (1)", "INSERT", "Values", "INSERT INTO d.values (a, format) |SETTINGS x = 1 \nFORMAT Values", " (1)"},
		{"INSERT INTO TABLE FUNCTION null('a String') FORMAT CSV 1\n", "INSERT", "CSV", "INSERT INTO TABLE FUNCTION null('a String') |\nFORMAT CSV", "1\n"},
		{"INSERT INTO `select` SELECT 1 FORMAT CSV", "INSERT", "CSV", "", ""},
	} {
		s, err := parse(c.sql)
		if err != nil {
			t.Errorf("%q: %v", c.sql, err)
			continue
		}
		if s.kind != c.kind || s.format != c.format || s.data != c.data || s.hasData != (c.fromFile != "") {
			t.Errorf("%q: %+v", c.sql, s)
		}
		expected := strings.Replace(c.fromFile, "|", "\nFROM INFILE '/f'\n", 1)
		if s.hasData && s.fromFile("/f") != expected {
			t.Errorf("%q:\n got %q\nwant %q", c.sql, s.fromFile("/f"), expected)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for sql, part := range map[string]string{
		"":                          "Empty query",
		" -- nothing":               "Empty query",
		"SELECT 1; SELECT 2":        "Multi-statements",
		"SELECT 1 INTO OUTFILE 'x'": "INTO OUTFILE",
		"INSERT INTO t FROM INFILE 'x' FORMAT CSV": "INSERT FROM INFILE",
		"INSERT INTO t FORMAT":                     "no format name",
	} {
		if _, err := parse(sql); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v, want %q", sql, err, part)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("INSERT INTO t (a) SETTINGS x = 'y' FORMAT CSV\n1,2")
	f.Add("SELECT 'a\\'b' /* c */ FORMAT JSON; -- d")
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := parse(sql)
		if err == nil && s.hasData && !strings.HasSuffix(sql, s.data) {
			t.Errorf("%q: data %q is not its end", sql, s.data)
		}
	})
}
