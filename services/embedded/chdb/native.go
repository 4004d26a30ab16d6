package chdb

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// recoder turns Native blocks of revision 0, which the engine writes, into those
// of the revision that a client reads. The columns' own bytes are the same: it
// decodes them with the driver's code only to find where they end.
type recoder struct {
	sink     io.Writer
	revision uint64
	pending  []byte // the start of a block whose rest has not come
	out      bytes.Buffer
}

func newRecoder(sink io.Writer, revision uint64) *recoder {
	return &recoder{sink: sink, revision: revision}
}

// blockInfo says "no overflow rows, no bucket" in every revision after 0.
var blockInfo = []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}

func (r *recoder) Write(p []byte) (int, error) {
	data := p
	if len(r.pending) > 0 {
		r.pending = append(r.pending, p...)
		data = r.pending
	}
	for len(data) > 0 {
		n, err := r.block(data)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return 0, refuse(codeNotImplemented, "Native format at client_protocol_version %d: %v", r.revision, err)
		}
		if _, err := r.sink.Write(r.out.Bytes()); err != nil {
			return 0, err
		}
		data = data[n:]
	}
	r.pending = append(r.pending[:0:0], data...)
	return len(p), nil
}

func (r *recoder) end() error {
	if len(r.pending) > 0 {
		return refuse(codeUnknown, "the engine's Native output ends inside a block, %d bytes of which came", len(r.pending))
	}
	return nil
}

// block puts the first block of data into r.out and returns its length in data.
func (r *recoder) block(data []byte) (int, error) {
	in := newCursor(data)
	columns, err := in.UVarInt()
	if err != nil {
		return 0, err
	}
	count, err := in.UVarInt()
	if err != nil {
		return 0, err
	}
	r.out.Reset()
	r.out.Write(blockInfo)
	r.out.Write(data[:in.offset()])
	for range columns {
		start := in.offset()
		kind, err := in.nameAndType()
		if err != nil {
			return 0, err
		}
		r.out.Write(data[start:in.offset()])
		if r.revision >= proto.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION {
			r.out.WriteByte(0)
		}
		start = in.offset()
		if err := in.skipColumn(kind, int(count)); err != nil {
			return 0, err
		}
		r.out.Write(data[start:in.offset()])
	}
	return in.offset(), nil
}

// cursor is a reader that knows how far it has come.
type cursor struct {
	*chproto.Reader
	size   int
	source *bytes.Reader
	ahead  *bufio.Reader
}

const readAhead = 128 << 10 // bytes; with less, the proto reader would add a buffer of its own

func newCursor(data []byte) *cursor {
	source := bytes.NewReader(data)
	ahead := bufio.NewReaderSize(source, readAhead)
	return &cursor{Reader: chproto.NewReader(ahead), size: len(data), source: source, ahead: ahead}
}

func (c *cursor) offset() int { return c.size - c.source.Len() - c.ahead.Buffered() }

func (c *cursor) nameAndType() (column.Type, error) {
	if _, err := c.Str(); err != nil {
		return "", err
	}
	kind, err := c.Str()
	return column.Type(kind), err
}

func (c *cursor) skipColumn(kind column.Type, count int) error {
	if count == 0 {
		return nil
	}
	col, err := kind.Column("", &column.ServerContext{})
	if err != nil {
		return err
	}
	if custom, ok := col.(column.CustomSerialization); ok {
		if err := custom.ReadStatePrefix(c.Reader); err != nil {
			return err
		}
	}
	return col.Decode(c.Reader, count)
}
