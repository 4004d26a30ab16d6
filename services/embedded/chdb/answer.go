package chdb

import (
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// errAborted ends an answer that had begun.
var errAborted = errors.New("answer aborted")

// answer is the way of a result to the client: revision, block compression,
// HTTP compression, headers before the first byte.
type answer struct {
	http    *begunWriter
	start   time.Time
	stats   stats
	tag     string
	native  *recoder       // nil: the bytes as they come
	blocks  *blockWriter   // nil: no block compression
	encoder io.WriteCloser // nil: no HTTP compression
	held    *os.File       // nil: sent as it comes
}

func newAnswer(w http.ResponseWriter, req *request, s *statement, spool string) (*answer, error) {
	a := &answer{http: &begunWriter{ResponseWriter: w}, start: time.Now(), tag: strings.ToLower(rand.Text()[:16])}
	format := first(s.format, req.format)
	header := w.Header()
	header.Set("X-ClickHouse-Format", format)
	header.Set("X-ClickHouse-Exception-Tag", a.tag)
	header.Set("Content-Type", contentType(format))
	var sink io.Writer = a.http
	if req.held {
		file, err := os.CreateTemp(spool, "answer-*")
		if err != nil {
			return nil, err
		}
		a.held, sink = file, file
	}
	if isOn(req.params.Get("enable_http_compression")) {
		encoding, encoder := encoderFor(req.header.Get("Accept-Encoding"), sink)
		if encoder != nil {
			a.encoder, sink = encoder, encoder
			header.Set("Content-Encoding", encoding)
		}
	}
	if isOn(req.params.Get("compress")) {
		a.blocks = newBlockWriter(sink, req.params.Get("network_compression_method"))
		sink = a.blocks
	}
	if strings.EqualFold(format, "Native") && req.revision > 0 && !s.hasData {
		a.native = newRecoder(sink, req.revision)
	}
	return a, nil
}

// begunWriter knows whether anything, and so the status, has gone to the client.
type begunWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *begunWriter) Write(p []byte) (int, error) {
	w.begun = w.begun || len(p) > 0
	return w.ResponseWriter.Write(p)
}

// sink is the outermost layer in use.
func (a *answer) sink() io.Writer {
	switch {
	case a.native != nil:
		return a.native
	case a.blocks != nil:
		return a.blocks
	}
	return a.bottom()
}

func (a *answer) bottom() io.Writer {
	switch {
	case a.encoder != nil:
		return a.encoder
	case a.held != nil:
		return a.held
	}
	return a.http
}

// Write sends a piece of the result.
func (a *answer) Write(chunk []byte) (int, error) {
	if len(chunk) == 0 {
		return 0, nil
	}
	if !a.http.begun {
		a.http.Header().Set("X-ClickHouse-Summary", a.stats.summary(time.Since(a.start)))
	}
	if _, err := a.sink().Write(chunk); err != nil {
		return 0, err
	}
	if a.held != nil {
		return len(chunk), nil
	}
	return len(chunk), a.flush()
}

// flush sends what is ready: a slow query's first rows are seen before its last.
func (a *answer) flush() error {
	if f, ok := a.encoder.(interface{ Flush() error }); ok {
		if err := f.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(a.http.ResponseWriter).Flush()
}

func (a *answer) finish() error {
	if a.native != nil {
		if err := a.native.end(); err != nil {
			return a.fail(err)
		}
	}
	header := a.http.Header()
	if !a.http.begun {
		header.Set("X-ClickHouse-Summary", a.stats.summary(time.Since(a.start)))
	}
	if a.encoder != nil {
		if !a.http.begun && a.held == nil { // an empty answer stays empty
			header.Del("Content-Encoding")
			return nil
		}
		if err := a.encoder.Close(); err != nil {
			return errAborted
		}
	}
	if a.held == nil {
		return nil
	}
	if _, err := a.held.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(a.http, a.held); err != nil {
		return errAborted
	}
	return nil
}

// fail reports an error: as a status while nothing has been sent, else in the
// frame that ClickHouse puts at the end of a broken answer.
func (a *answer) fail(err error) error {
	if !a.http.begun {
		return err
	}
	e := &exception{}
	if !errors.As(err, &e) {
		return errAborted // the client went away
	}
	text := e.Error() + "\n"
	frame := fmt.Sprintf("\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n", a.tag, text, len(text), a.tag)
	sink := a.bottom()
	if a.blocks != nil {
		sink = &blockWriter{sink: sink, writer: compress.NewWriter(0, compress.None)}
	}
	if _, err := io.WriteString(sink, frame); err == nil {
		if a.encoder != nil {
			_ = a.encoder.Close() // the connection breaks next, whatever comes
		}
		_ = a.flush()
	}
	return errAborted
}

func (a *answer) close() {
	if a.held != nil {
		_ = a.held.Close()
		_ = os.Remove(a.held.Name()) // the spool is emptied at the next start anyway
	}
}

// encoderFor takes the first encoding of ClickHouse's order that the client accepts.
func encoderFor(accept string, sink io.Writer) (string, io.WriteCloser) {
	accepted := map[string]bool{}
	for _, part := range strings.Split(accept, ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		accepted[strings.ToLower(name)] = strings.ReplaceAll(quality, " ", "") != "q=0"
	}
	switch {
	case accepted["br"]:
		return "br", brotli.NewWriterLevel(sink, 3)
	case accepted["gzip"]:
		return "gzip", gzip.NewWriter(sink)
	case accepted["deflate"]:
		return "deflate", zlib.NewWriter(sink)
	case accepted["zstd"]:
		encoder, err := zstd.NewWriter(sink, zstd.WithEncoderConcurrency(1))
		if err == nil {
			return "zstd", encoder
		}
	case accepted["lz4"]:
		return "lz4", lz4.NewWriter(sink)
	}
	return "", nil
}

// blockWriter packs what is written into ClickHouse's compressed blocks.
type blockWriter struct {
	sink   io.Writer
	writer *compress.Writer
}

const blockSize = 1 << 20 // bytes before compression, as a server does

func newBlockWriter(sink io.Writer, method string) *blockWriter {
	m := compress.LZ4
	if strings.EqualFold(method, "ZSTD") {
		m = compress.ZSTD
	}
	return &blockWriter{sink: sink, writer: compress.NewWriter(0, m)}
}

func (b *blockWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), blockSize)
		if err := b.writer.Compress(p[:n]); err != nil {
			return written, err
		}
		if _, err := b.sink.Write(b.writer.Data); err != nil {
			return written, err
		}
		written, p = written+n, p[n:]
	}
	return written, nil
}

func contentType(format string) string {
	switch f := strings.ToLower(format); {
	case f == "native" || strings.HasPrefix(f, "rowbinary") || f == "parquet" || f == "arrow" || f == "arrowstream":
		return "application/octet-stream"
	case f == "jsoneachrow" || strings.HasPrefix(f, "jsoncompacteachrow"):
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(f, "json"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(f, "csv"):
		return "text/csv; charset=UTF-8"
	case strings.HasPrefix(f, "tsv") || strings.HasPrefix(f, "tabseparated"):
		return "text/tab-separated-values; charset=UTF-8"
	case strings.HasPrefix(f, "xml"):
		return "application/xml; charset=UTF-8"
	}
	return "text/plain; charset=UTF-8"
}
