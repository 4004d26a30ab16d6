package kpi

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// A tag is a field number << 3 | one of these wire types.
const (
	varintType = uint32(protowire.VarintType)
	doubleType = uint32(protowire.Fixed64Type)
	bytesType  = uint32(protowire.BytesType)
)

// field is one field of a message as it stands on the wire.
type field struct {
	tag   uint32
	value uint64 // of a varint or a fixed field
	bytes []byte // of a field with a length
}

// read reads the first field of b, which must not be empty, and returns its size; it
// is negative where b is malformed. Nearly all fields have a tag of one or two bytes and
// a value or length below 128, which is read here; readAny reads all others.
func (f *field) read(b []byte) int {
	if len(b) < 3 {
		return f.readAny(b)
	}
	tag, n := uint32(b[0]), 1
	if tag >= 0x80 {
		tag, n = tag&0x7f|uint32(b[1])<<7, 2
	}
	value := int(b[n])
	n++
	if tag < 1<<3 || n == 3 && b[1] >= 0x80 {
		return f.readAny(b)
	}
	switch tag & 7 {
	case varintType:
		f.tag = tag
		if value >= 0x80 {
			return f.readVarint(b, n-1)
		}
		f.value = uint64(value)
		return n
	case bytesType:
		if end := n + value; value < 0x80 && end <= len(b) {
			f.tag, f.bytes = tag, b[n:end:end]
			return end
		}
	}
	return f.readAny(b)
}

func (f *field) readAny(b []byte) int {
	tag, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return -1
	}
	if number := tag >> 3; number < uint64(protowire.MinValidNumber) || number > uint64(protowire.MaxValidNumber) {
		return -1
	}
	f.tag = uint32(tag)
	switch uint32(tag & 7) {
	case bytesType:
		return f.readBytes(b, n)
	case varintType:
		return f.readVarint(b, n)
	case doubleType:
		if len(b)-n < 8 {
			return -1
		}
		f.value = binary.LittleEndian.Uint64(b[n:])
		return n + 8
	}
	size := protowire.ConsumeFieldValue(protowire.Number(tag>>3), protowire.Type(tag&7), b[n:])
	if size < 0 {
		return -1
	}
	return n + size
}

func (f *field) readVarint(b []byte, n int) int {
	value, size := protowire.ConsumeVarint(b[n:])
	if size < 0 {
		return -1
	}
	f.value = value
	return n + size
}

func (f *field) readBytes(b []byte, n int) int {
	if n = f.readVarint(b, n); n < 0 || f.value > uint64(len(b)-n) {
		return -1
	}
	end := n + int(f.value)
	f.bytes = b[n:end:end]
	return end
}

// double is the value of a field of doubleType.
func (f *field) double() float64 { return math.Float64frombits(f.value) }

// tri is the value of an optional bool.
func (f *field) tri() Tri {
	if f.value != 0 {
		return True
	}
	return False
}

const (
	maxText = 1024 // bytes of a string
	maxID   = 256  // bytes of the id of an event or entity
)

// text stores a string field in *to, without copying it.
func (f *field) text(to *string, name string) *FieldError {
	if len(f.bytes) > maxText || !isClean(f.bytes) {
		return badText(name, f.bytes)
	}
	*to = unsafe.String(unsafe.SliceData(f.bytes), len(f.bytes))
	return nil
}

func badText(name string, b []byte) *FieldError {
	remedy := "remove the NUL byte"
	switch {
	case !utf8.Valid(b):
		remedy = "send UTF-8"
	case len(b) > maxText:
		remedy = "shorten it to 1024 bytes"
	}
	return refuse(name, string(b), ReasonText, remedy)
}

// isClean reports whether b is UTF-8 without NUL. ASCII is checked by words: in
// x | (x − low) the high bit of a byte is set where x has a byte that is not ASCII, or 0.
func isClean(b []byte) bool {
	const low, high = 0x0101010101010101, 0x8080808080808080
	var x, seen uint64
	switch n := len(b); {
	case n == 0:
		return true
	case n < 4: // each byte at least once, and ones to fill up
		x = uint64(b[0]) | uint64(b[n/2])<<8 | uint64(b[n-1])<<16 | low&^0xffffff
	case n < 8: // two words that overlap
		x = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32
	default:
		for i := 0; i+8 < n; i += 8 {
			x = binary.LittleEndian.Uint64(b[i:])
			seen |= x | (x - low)
		}
		x = binary.LittleEndian.Uint64(b[n-8:])
	}
	seen |= x | (x - low)
	return seen&high == 0 || isCleanSlow(b)
}

func isCleanSlow(b []byte) bool {
	for _, c := range b {
		if c == 0 {
			return false
		}
	}
	return utf8.Valid(b)
}

// stamp is a google.protobuf.Timestamp. One that is sent in pieces is merged.
type stamp struct {
	set     bool
	nanos   int32
	seconds int64
}

func (s *stamp) read(b []byte, name string) *FieldError {
	s.set = true
	var f field
	for len(b) > 0 {
		n := f.read(b)
		if n < 0 {
			return malformed(remedyWire).in(name)
		}
		b = b[n:]
		switch f.tag {
		case 1<<3 | varintType:
			s.seconds = int64(f.value)
		case 2<<3 | varintType:
			s.nanos = int32(f.value)
		}
	}
	return nil
}
