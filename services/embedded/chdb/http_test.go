package chdb_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/services/embedded/chdb/chdbtest"
)

type reply struct {
	status int
	header http.Header
	body   string
}

// send is curl: one request, parameters in the URL.
func send(t *testing.T, addr, method, body string, params ...string) reply {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+"/?"+values.Encode(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return do(t, request)
}

func do(t *testing.T, request *http.Request) reply {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

func post(t *testing.T, addr, sql string, params ...string) string {
	t.Helper()
	r := send(t, addr, http.MethodPost, sql, params...)
	if r.status != http.StatusOK {
		t.Fatalf("%s: %d %s", sql, r.status, r.body)
	}
	return r.body
}

func want(t *testing.T, what, got, expected string) {
	t.Helper()
	if got != expected {
		t.Fatalf("%s:\n got %q\nwant %q", what, got, expected)
	}
}

func TestAsCurlUsesIt(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	want(t, "tsv", post(t, addr, "SELECT 1, 'a\tb'"), "1\ta\\tb\n")
	want(t, "csv", post(t, addr, "SELECT 1, 'a\"b' FORMAT CSV"), "1,\"a\"\"b\"\n")
	want(t, "default_format", post(t, addr, "SELECT 1 AS x", "default_format", "JSONEachRow"), "{\"x\":1}\n")
	want(t, "query in url and body", post(t, addr, "1 + 2", "query", "SELECT"), "3\n")
	want(t, "settings", post(t, addr, "SELECT getSetting('max_block_size')", "max_block_size", "777"), "777\n")
	want(t, "settings do not leak", post(t, addr, "SELECT getSetting('max_block_size') = 777"), "0\n")
	want(t, "parameter", post(t, addr, "SELECT {n:UInt32} + 1, {s:String}", "param_n", "41", "param_s", `it's; \n\nDROP`), "42\tit\\'s; \\n\\nDROP\n")
}

func TestFormats(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	var answer struct {
		Meta []struct{ Name, Type string }
		Data []map[string]any
		Rows int
	}
	const count = 300_000 // several of the engine's chunks
	text := post(t, addr, "SELECT number AS n FROM numbers(300000) FORMAT JSON")
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Rows != count || len(answer.Data) != count || answer.Meta[0].Type != "UInt64" {
		t.Fatalf("got %d rows, %d in data, %v", answer.Rows, len(answer.Data), answer.Meta)
	}
	lines := strings.Split(post(t, addr, "SELECT number AS n FROM numbers(300000) FORMAT CSVWithNames"), "\n")
	if len(lines) != count+2 || lines[0] != `"n"` || strings.Contains(strings.Join(lines[1:], ""), "n") {
		t.Fatalf("%d lines, first %q", len(lines), lines[0])
	}
}

// TestHeldAnswer: with wait_end_of_query an error that comes late is a status.
func TestHeldAnswer(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	late := "SELECT throwIf(number = 900000) FROM numbers(1000000)"
	r := send(t, addr, http.MethodPost, late, "wait_end_of_query", "1")
	if r.status != http.StatusInternalServerError || !strings.HasPrefix(r.body, "Code: 395. ") {
		t.Errorf("held: %d %.100q", r.status, r.body)
	}
	want(t, "held", post(t, addr, "SELECT count() FROM (SELECT * FROM numbers(1000000))", "wait_end_of_query", "1"), "1000000\n")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr, strings.NewReader(late))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	tag := response.Header.Get("X-ClickHouse-Exception-Tag")
	if err == nil || !strings.Contains(string(text), "\r\n__exception__\r\n"+tag+"\r\nCode: 395. ") {
		t.Errorf("streamed: %v, ends with %q", err, text[max(0, len(text)-300):])
	}
}

func TestHeaders(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	r := send(t, addr, http.MethodPost, "SELECT * FROM numbers(10) FORMAT JSON", "query_id", "mine")
	for name, expected := range map[string]string{
		"X-ClickHouse-Format": "JSON", "X-ClickHouse-Query-Id": "mine", "Content-Type": "application/json; charset=UTF-8",
	} {
		want(t, name, r.header.Get(name), expected)
	}
	var summary map[string]string
	if err := json.Unmarshal([]byte(r.header.Get("X-ClickHouse-Summary")), &summary); err != nil || summary["read_rows"] != "10" {
		t.Errorf("summary %v: %v", summary, err)
	}
	if zone := r.header.Get("X-ClickHouse-Timezone"); zone != strings.TrimSpace(post(t, addr, "SELECT timezone()")) {
		t.Errorf("time zone %q", zone)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/ping", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "ping", do(t, request).body, "Ok.\n")
}

func TestSessionsDoNotMix(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	post(t, addr, "CREATE DATABASE `other ``one`")
	want(t, "database", post(t, addr, "SELECT currentDatabase()", "database", "other `one"), "other `one\n")
	post(t, addr, "USE system")
	post(t, addr, "SET max_threads = 1")
	post(t, addr, "CREATE TEMPORARY TABLE temporary (a UInt8)")
	want(t, "after", post(t, addr, "SELECT currentDatabase(), getSetting('max_threads') = 1, count() FROM system.tables WHERE name = 'temporary'"), "default\t0\t0\n")
}

func TestGetIsReadOnly(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	want(t, "get", send(t, addr, http.MethodGet, "", "query", "SELECT 7").body, "7\n")
	r := send(t, addr, http.MethodGet, "", "query", "CREATE TABLE t (a UInt8) ENGINE = Memory")
	if r.status != http.StatusForbidden || r.header.Get("X-ClickHouse-Exception-Code") != "164" {
		t.Fatalf("%d %s", r.status, r.body)
	}
}

func TestErrorsAsAServerSendsThem(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	post(t, addr, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
	for _, c := range []struct {
		sql, code, name string
		status          int
	}{
		{"SELECT * FROM nope", "60", "UNKNOWN_TABLE", 404},
		{"SELEC 1", "62", "SYNTAX_ERROR", 400},
		{"SELECT 1; SELECT 2", "62", "SYNTAX_ERROR", 400},
		{"SELECT * FROM nope.t", "81", "UNKNOWN_DATABASE", 404},
		{"SELECT nope FROM t", "47", "UNKNOWN_IDENTIFIER", 404},
		{"SELECT nope(1)", "46", "UNKNOWN_FUNCTION", 404},
		{"SELECT 1 SETTINGS nope = 1", "115", "UNKNOWN_SETTING", 404},
		{"SELECT * FROM t WHERE a = 'x'", "53", "TYPE_MISMATCH", 400},
		{"INSERT INTO t FORMAT JSONEachRow {\"a\": \"x\"}", "27", "CANNOT_PARSE_INPUT_ASSERTION_FAILED", 400},
		{"SELECT sumState(1) FORMAT Native", "48", "NOT_IMPLEMENTED", 501},
		{"SELECT 1 INTO OUTFILE '/tmp/x'", "48", "NOT_IMPLEMENTED", 501},
		{"SELECT sum(sipHash64(number)) FROM numbers(100000000000) SETTINGS max_execution_time = 0.2", "159", "TIMEOUT_EXCEEDED", 408},
	} {
		r := send(t, addr, http.MethodPost, c.sql, "client_protocol_version", "54460")
		code := r.header.Get("X-ClickHouse-Exception-Code")
		if code != c.code || r.status != c.status || !strings.HasPrefix(r.body, "Code: "+c.code+". DB::Exception: ") || !strings.HasSuffix(r.body, "("+c.name+")\n") {
			t.Errorf("%s: status %d, code %s, body %s", c.sql, r.status, code, r.body)
		}
	}
}

func TestCompressedBothWays(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	post(t, addr, "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
	var packed strings.Builder
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, "1\n2\n3\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/?enable_http_compression=1&query="+url.QueryEscape("INSERT INTO t FORMAT TSV"), strings.NewReader(packed.String()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Encoding", "gzip")
	if r := do(t, request); r.status != http.StatusOK || r.body != "" {
		t.Fatalf("%d %q", r.status, r.body)
	}
	request, err = http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/?enable_http_compression=1", strings.NewReader("SELECT sum(a) FROM t"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	r := do(t, request)
	reader, err := gzip.NewReader(strings.NewReader(r.body))
	if err != nil {
		t.Fatalf("%v: %q", err, r.body)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "sum", string(text), "6\n")
}

func TestInsertFormats(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	post(t, addr, "CREATE TABLE t (a UInt32, `format` String) ENGINE = MergeTree ORDER BY a")
	post(t, addr, "INSERT INTO t VALUES (1, 'VALUES; --'), (2, 'x''y');")
	post(t, addr, "insert /* FORMAT */ into t (a, `format`) settings max_insert_block_size = 10 format CSV\n3,\"line\n\nend\"\n")
	post(t, addr, "{\"a\": 4, \"format\": \"json\"}\n", "query", "INSERT INTO t FORMAT JSONEachRow")
	post(t, addr, "INSERT INTO t SELECT 5, 'select'")
	post(t, addr, "\x06\x00\x00\x00\x03a\n\n", "query", "INSERT INTO t (a, format) FORMAT RowBinary")
	want(t, "rows", post(t, addr, "SELECT a, format FROM t ORDER BY a"),
		"1\tVALUES; --\n2\tx\\'y\n3\tline\\n\\nend\n4\tjson\n5\tselect\n6\ta\\n\\n\n")
}

func TestFastQueryBesideSlowOnes(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr, strings.NewReader("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)"))
			if err != nil {
				t.Error(err)
				return
			}
			transport := &http.Transport{DisableKeepAlives: true}
			if response, err := transport.RoundTrip(request); err == nil {
				response.Body.Close()
				t.Error("a query of hours has ended")
			}
		}()
	}
	awaitText(t, addr, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%1000000000000)'", "4\n")
	began := time.Now()
	want(t, "select 1", post(t, addr, "SELECT 1"), "1\n") // returns at all: the others never do
	t.Logf("SELECT 1 beside four slow queries: %v", time.Since(began))
	cancel()
	for range 4 {
		<-done
	}
	// the clients are gone, so their queries are killed
	awaitText(t, addr, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%1000000000000)'", "0\n")
}

// awaitText asks until the answer is the expected one, or the test's time is up.
func awaitText(t *testing.T, addr, sql, expected string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(30 * time.Second)
	for {
		got := post(t, addr, sql)
		if got == expected {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: still %q, not %q, after 30 s", sql, got, expected)
		case <-again.C:
		}
	}
}
