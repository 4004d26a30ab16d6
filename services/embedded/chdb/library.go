package chdb

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is libchdb's C interface, loaded without cgo.
type library struct {
	connect      func(argc int32, argv **byte) *uintptr
	closeConn    func(conn *uintptr)
	query        func(conn uintptr, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr) uintptr
	stream       func(conn uintptr, sql *byte, sqlLen uintptr, format *byte, formatLen uintptr) uintptr
	fetch        func(conn, stream uintptr) uintptr
	cancel       func(conn, stream uintptr)
	destroy      func(result uintptr)
	buffer       func(result uintptr) unsafe.Pointer
	length       func(result uintptr) uintptr
	errorText    func(result uintptr) unsafe.Pointer
	rowsRead     func(result uintptr) uint64
	bytesRead    func(result uintptr) uint64
	rowsWritten  func(result uintptr) uint64
	bytesWritten func(result uintptr) uint64
	signals      func(enabled int32)
}

func loadLibrary(path string) (lib *library, err error) {
	defer func() { // purego panics on a symbol that is not there
		if r := recover(); r != nil {
			err = fmt.Errorf("%s is not a libchdb that this program knows: %v; run `make clickhouse`", path, r)
		}
	}()
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w; run `make clickhouse`", path, err)
	}
	lib = &library{}
	for name, function := range map[string]any{
		"chdb_connect":                     &lib.connect,
		"chdb_close_conn":                  &lib.closeConn,
		"chdb_query_n":                     &lib.query,
		"chdb_stream_query_n":              &lib.stream,
		"chdb_stream_fetch_result":         &lib.fetch,
		"chdb_stream_cancel_query":         &lib.cancel,
		"chdb_destroy_query_result":        &lib.destroy,
		"chdb_result_buffer":               &lib.buffer,
		"chdb_result_length":               &lib.length,
		"chdb_result_error":                &lib.errorText,
		"chdb_result_rows_read":            &lib.rowsRead,
		"chdb_result_bytes_read":           &lib.bytesRead,
		"chdb_result_rows_written":         &lib.rowsWritten,
		"chdb_result_bytes_written":        &lib.bytesWritten,
		"chdb_set_signal_handlers_enabled": &lib.signals,
	} {
		purego.RegisterLibFunc(function, handle, name)
	}
	lib.signals(0) // before the first connection
	return lib, nil
}

// arguments is a C argv. The engine may keep pointers into it, so it is pinned
// for the life of the process.
type arguments struct {
	argc int32
	argv []*byte
}

var pinned []*runtime.Pinner // keeps the pins reachable; never unpinned

func newArguments(args ...string) *arguments {
	pin := new(runtime.Pinner)
	a := &arguments{argc: int32(len(args)), argv: make([]*byte, len(args)+1)}
	for i, arg := range args {
		a.argv[i] = cString(arg)
		pin.Pin(a.argv[i])
	}
	pin.Pin(&a.argv[0])
	pinned = append(pinned, pin)
	return a
}

func cString(s string) *byte { return &append([]byte(s), 0)[0] }

func goString(p unsafe.Pointer) string {
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

var errConnect = errors.New("the clickhouse engine refused the data folder; see its message on stderr")

// connection is one session of the engine: settings, current database and
// temporary tables live in it and die with it. One statement at a time.
type connection struct {
	lib *library
	ptr *uintptr
}

func (l *library) open(args *arguments) (*connection, error) {
	ptr := l.connect(args.argc, &args.argv[0])
	if ptr == nil {
		return nil, errConnect
	}
	return &connection{lib: l, ptr: ptr}, nil
}

func (c *connection) close() { c.lib.closeConn(c.ptr) }

// stats are what ClickHouse reports in X-ClickHouse-Summary.
type stats struct{ rowsRead, bytesRead, rowsWritten, bytesWritten uint64 }

func (l *library) stats(result uintptr) stats {
	return stats{l.rowsRead(result), l.bytesRead(result), l.rowsWritten(result), l.bytesWritten(result)}
}

// bytes copies a result out of the engine's memory.
func (l *library) bytes(result uintptr) []byte {
	n := l.length(result)
	if n == 0 {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(l.buffer(result)), n)...)
}

func (l *library) failure(result uintptr) error {
	if result == 0 {
		return &exception{Code: codeUnknown, Text: "the engine gave no result"}
	}
	if p := l.errorText(result); p != nil {
		return newException(goString(p))
	}
	return nil
}

// execute runs a statement to its end and returns its whole output.
func (c *connection) execute(sql, format string) ([]byte, stats, error) {
	result := c.lib.query(*c.ptr, cString(sql), uintptr(len(sql)), cString(format), uintptr(len(format)))
	if result != 0 {
		defer c.lib.destroy(result)
	}
	if err := c.lib.failure(result); err != nil {
		return nil, stats{}, err
	}
	return c.lib.bytes(result), c.lib.stats(result), nil
}

// rows is the output of a SELECT, chunk by chunk.
type rows struct {
	conn   *connection
	handle uintptr
	ended  bool
}

func (c *connection) selectRows(sql, format string) (*rows, error) {
	handle := c.lib.stream(*c.ptr, cString(sql), uintptr(len(sql)), cString(format), uintptr(len(format)))
	if err := c.lib.failure(handle); err != nil {
		if handle != 0 {
			c.lib.destroy(handle)
		}
		return nil, err
	}
	return &rows{conn: c, handle: handle}, nil
}

// next returns the next chunk; nil at the end.
func (r *rows) next() ([]byte, stats, error) {
	lib := r.conn.lib
	result := lib.fetch(*r.conn.ptr, r.handle)
	if result != 0 {
		defer lib.destroy(result)
	}
	if err := lib.failure(result); err != nil {
		r.ended = true
		return nil, stats{}, err
	}
	chunk := lib.bytes(result)
	r.ended = chunk == nil
	return chunk, lib.stats(result), nil
}

func (r *rows) close() {
	if !r.ended {
		r.conn.lib.cancel(*r.conn.ptr, r.handle)
	}
	r.conn.lib.destroy(r.handle)
}
