package chdb

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const (
	headSize     = 1 << 18  // bytes of a body in which the INSERT before its data must lie
	maxQuerySize = 16 << 20 // bytes of a statement without data
)

// input is the statement of a request and, for an INSERT, a file with its data:
// binary data does not survive in the SQL text.
type input struct {
	statement *statement
	path      string
}

func (in *input) close() {
	if in.path != "" {
		_ = os.Remove(in.path) // the spool is emptied at the next start anyway
	}
}

// receive reads a request's body to its end, which also lets the server notice
// when the client goes away.
func (e *engine) receive(r *http.Request, req *request) (*input, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil, refuse(codeNotImplemented, "external tables are not supported by the embedded ClickHouse; use a table, or an array as parameter")
	}
	body, err := unpack(r, isOn(req.params.Get("decompress")))
	if err != nil {
		return nil, err
	}
	query := req.params.Get("query")
	if query != "" {
		if s, err := parse(query + "\n"); err == nil && s.hasData {
			return e.store(s, io.MultiReader(strings.NewReader(s.data), body))
		}
		query += "\n"
	}
	buffered := bufio.NewReaderSize(body, headSize)
	head, err := buffered.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, unreadable(err)
	}
	s, err := parse(query + string(head))
	if err != nil {
		return nil, err
	}
	if s.hasData {
		_, _ = buffered.Discard(len(head)) // just peeked
		return e.store(s, io.MultiReader(strings.NewReader(s.data), buffered))
	}
	text, err := io.ReadAll(io.LimitReader(buffered, maxQuerySize+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(text) > maxQuerySize {
		return nil, refuse(codeSyntaxError, "Syntax error: the query is longer than %d bytes; insert data with FORMAT or VALUES", maxQuerySize)
	}
	if s, err = parse(query + string(text)); err != nil {
		return nil, err
	}
	return &input{statement: s}, nil
}

// store writes the data into a file whose name the client has no part in.
func (e *engine) store(s *statement, data io.Reader) (*input, error) {
	file, err := os.CreateTemp(e.spool, "insert-*")
	if err != nil {
		return nil, refuse(codeNoSpaceOrWrite, "%v", err)
	}
	in := &input{statement: s, path: file.Name()}
	_, err = io.Copy(file, data)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		in.close()
		return nil, unreadable(err)
	}
	return in, nil
}

func unreadable(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return refuse(codeNoSpaceOrWrite, "%v", err)
	}
	return refuse(codeCannotUnpack, "Cannot read the request's body: %v", err)
}

// unpack undoes the two compressions of a body: HTTP's, then ClickHouse's blocks.
func unpack(r *http.Request, blocks bool) (io.Reader, error) {
	var body io.Reader = r.Body
	var err error
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	case "br":
		body = brotli.NewReader(body)
	case "lz4":
		body = lz4.NewReader(body)
	case "zstd":
		var decoder *zstd.Decoder
		decoder, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err == nil {
			body = decoder.IOReadCloser()
		}
	default:
		return nil, refuse(codeNotImplemented, "Content-Encoding %q is not supported; use gzip, deflate, br, zstd or lz4", encoding)
	}
	if err != nil {
		return nil, unreadable(err)
	}
	if blocks {
		body = plainEOF{compress.NewReader(body)}
	}
	return body, nil
}

// plainEOF undoes the wrapping of io.EOF, which io.Copy and its like do not see through.
type plainEOF struct{ io.Reader }

func (r plainEOF) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
