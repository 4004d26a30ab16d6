package chdb

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
)

// handler is ClickHouse's HTTP interface over the engine.
type handler struct {
	engine         *engine
	user, password string // both empty: everybody is let in
	log            *zap.Logger
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/ping" || r.URL.Path == "/replicas_status":
		_, _ = io.WriteString(w, "Ok.\n")
	case r.URL.Path != "/":
		http.Error(w, "there is no "+r.URL.Path+"; use / for queries or /ping", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodHead:
		http.Error(w, r.Method+" is not supported; use GET or POST", http.StatusNotImplemented)
	case r.Method != http.MethodPost && r.URL.RawQuery == "":
		_, _ = io.WriteString(w, "Ok.\n")
	default:
		h.answer(w, r)
	}
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request) {
	if err := h.admit(r); err != nil {
		h.fail(w, err)
		return
	}
	req, err := newRequest(r)
	if err != nil {
		h.fail(w, err)
		return
	}
	w.Header().Set("X-ClickHouse-Query-Id", first(req.params.Get("query_id"), newID()))
	w.Header().Set("X-ClickHouse-Timezone", h.engine.timezone)
	in, err := h.engine.receive(r, req)
	if err != nil {
		h.fail(w, err)
		return
	}
	defer in.close()
	if err := h.run(w, r, req, in); err != nil {
		h.fail(w, err)
	}
}

// admit checks the password, if one is configured, and keeps web pages out: any
// page in a browser on this machine can send requests to the loopback address,
// and none of them is ours.
func (h *handler) admit(r *http.Request) error {
	if page := first(r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")); page != "" && page != "none" {
		return refuse(codeForbidden, "web pages (%s) may not use this server; send queries from a program", page)
	}
	user, password := credentials(r)
	if h.password == "" {
		return nil
	}
	sameUser := subtle.ConstantTimeCompare([]byte(user), []byte(first(h.user, "default")))
	samePassword := subtle.ConstantTimeCompare([]byte(password), []byte(h.password))
	if sameUser&samePassword != 1 {
		return refuse(codeAuthentication, "%s: Authentication failed: password is incorrect, or there is no user with such name", user)
	}
	return nil
}

func (h *handler) run(w http.ResponseWriter, r *http.Request, req *request, in *input) error {
	runtime.LockOSThread() // the engine keeps state of a running query per thread
	defer runtime.UnlockOSThread()
	s, err := h.engine.open(r.Context(), req.database, req.settings)
	if err != nil {
		return err
	}
	defer s.close()
	out, err := newAnswer(w, req, in.statement, h.engine.spool)
	if err != nil {
		return err
	}
	defer out.close()
	switch in.statement.kind {
	case "SELECT", "WITH", "FROM", "(":
		if joins(first(in.statement.format, req.format)) {
			return s.stream(in.statement.sql, req.format, out)
		}
		return s.viaFile(in.statement, req.format, out)
	}
	sql := in.statement.sql
	if in.statement.hasData {
		sql = in.statement.fromFile(in.path)
	}
	return s.whole(sql, req.format, out)
}

// joining are the formats, in lower case, of which two pieces in a row are one.
var joining = []string{
	"native", "rowbinary", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "raw", "csv",
	"jsoneachrow", "jsonlines", "ndjson", "jsoncompacteachrow", "jsonstringseachrow", "tskv", "null",
}

func joins(format string) bool { return slices.Contains(joining, strings.ToLower(format)) }

// viaFile lets the engine write the answer into a file first. Its chunks are
// whole documents: of JSON, or of CSV with the names, they do not make one.
func (s *session) viaFile(query *statement, format string, out *answer) error {
	path := filepath.Join(s.engine.spool, "select-"+s.mark) // the engine makes it, and wants it not to be there
	defer func() { _ = os.Remove(path) }()                  // not there after an error
	_, done, err := s.execute(query.intoFile(path), format)
	if err != nil {
		return err
	}
	out.stats = done
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(out, file); err != nil {
		return out.fail(err)
	}
	return out.finish()
}

// stream sends the rows of a SELECT as they come.
func (s *session) stream(sql, format string, out *answer) error {
	result, err := s.selectRows(sql, format)
	if err != nil {
		return err
	}
	defer result.close()
	for {
		chunk, done, err := result.next()
		if err != nil {
			return out.fail(err)
		}
		out.stats = done
		if chunk == nil {
			return out.finish()
		}
		if _, err := out.Write(chunk); err != nil {
			return out.fail(err)
		}
	}
}

// whole runs any other statement; what these print is small.
func (s *session) whole(sql, format string, out *answer) error {
	text, done, err := s.execute(sql, format)
	if err != nil {
		return err
	}
	out.stats = done
	if _, err := out.Write(text); err != nil {
		return out.fail(err)
	}
	return out.finish()
}

// fail answers with an exception as a ClickHouse server words it.
func (h *handler) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, errAborted) {
		panic(http.ErrAbortHandler) // the answer has begun: break the connection, so that no client takes it for whole
	}
	var e *exception
	if !errors.As(err, &e) {
		h.log.Warn("request", zap.Error(err))
		e = refuse(codeUnknown, "%v", err)
	}
	header := w.Header()
	header.Del("Content-Encoding")
	header.Set("Content-Type", "text/plain; charset=UTF-8")
	header.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code))
	w.WriteHeader(e.status())
	_, _ = io.WriteString(w, e.Error()+"\n")
}

// summary is the X-ClickHouse-Summary header; its numbers are strings.
func (s stats) summary(elapsed time.Duration) string {
	text := func(n uint64) string { return strconv.FormatUint(n, 10) }
	line, err := json.Marshal(map[string]string{
		"read_rows": text(s.rowsRead), "read_bytes": text(s.bytesRead),
		"written_rows": text(s.rowsWritten), "written_bytes": text(s.bytesWritten),
		"total_rows_to_read": "0", "result_rows": "0", "result_bytes": "0",
		"elapsed_ns": strconv.FormatInt(elapsed.Nanoseconds(), 10),
	})
	if err != nil {
		panic("chdb: internal error: " + err.Error())
	}
	return string(line)
}

// newID is a random UUID of version 4.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
