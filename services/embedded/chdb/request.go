package chdb

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// request is what a client asked for beside the SQL itself.
type request struct {
	params   url.Values
	header   http.Header
	database string
	format   string // when the SQL names none
	settings []setting
	revision uint64 // of the Native format that the client reads; 0: the plain one
	held     bool   // the answer starts only when the query has ended
	readOnly bool   // GET changes nothing
}

const defaultFormat = "TabSeparated"

// reserved are the parameters of the interface that are no settings. Async
// inserts are among them: an insert is answered when it is in the file system.
var reserved = []string{
	"query", "query_id", "database", "default_format", "user", "password", "quota_key", "role",
	"compress", "decompress", "client_protocol_version", "stacktrace", "buffer_size",
	"wait_end_of_query", "session_timeout", "session_check", "close_session", "log_comment",
	"enable_http_compression", "http_zlib_compression_level", "readonly",
	"async_insert", "wait_for_async_insert",
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func newRequest(r *http.Request) (*request, error) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(codeBadHTTPRequest, "the URL's parameters cannot be read: %v; percent-encode them", err)
	}
	if params.Has("session_id") {
		return nil, refuse(codeNotImplemented, "session_id is not supported by the embedded ClickHouse; send settings with each request")
	}
	req := &request{
		params:   params,
		header:   r.Header,
		database: first(params.Get("database"), r.Header.Get("X-ClickHouse-Database")),
		format:   first(params.Get("default_format"), r.Header.Get("X-ClickHouse-Format"), defaultFormat),
		held:     isOn(params.Get("wait_end_of_query")),
		readOnly: r.Method == http.MethodGet || r.Method == http.MethodHead,
	}
	if text := params.Get("client_protocol_version"); text != "" {
		if req.revision, err = strconv.ParseUint(text, 10, 32); err != nil {
			return nil, refuse(codeBadArguments, "client_protocol_version = %q is not a number", text)
		}
	}
	return req, req.readSettings()
}

func (r *request) readSettings() error {
	names := make([]string, 0, len(r.params))
	for name := range r.params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(reserved, name) {
			continue
		}
		if !settingName.MatchString(name) {
			return refuse(codeUnknownSetting, "Unknown setting %q", name)
		}
		r.settings = append(r.settings, setting{name, r.params.Get(name)})
	}
	readOnly := r.params.Get("readonly")
	if r.readOnly {
		readOnly = first(readOnly, "2")
	}
	if readOnly != "" { // last: nothing can be set after it
		r.settings = append(r.settings, setting{"readonly", readOnly})
	}
	return nil
}

// credentials are those of the header, the parameters or basic authentication.
func credentials(r *http.Request) (user, password string) {
	user, password, _ = r.BasicAuth()
	params := r.URL.Query()
	user = first(params.Get("user"), r.Header.Get("X-ClickHouse-User"), user, "default")
	return user, first(params.Get("password"), r.Header.Get("X-ClickHouse-Key"), password)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func isOn(value string) bool { return value == "1" || strings.EqualFold(value, "true") }
