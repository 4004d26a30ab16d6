package extsort

import (
	"encoding/binary"
	"math"
)

// The Append functions build keys of which the bytes compare as the values do, also
// when several follow one another.

// AppendInt appends an integer.
func AppendInt(key []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(key, uint64(v)^(1<<63))
}

// AppendFloat appends a number. NaN comes last.
func AppendFloat(key []byte, v float64) []byte {
	bits := math.Float64bits(v)
	switch {
	case math.IsNaN(v):
		bits = math.MaxUint64
	case bits>>63 == 1:
		bits = ^bits
	default:
		bits |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(key, bits)
}

// AppendString appends text, so that a prefix comes before what it begins.
func AppendString(key []byte, v string) []byte {
	for i := range len(v) {
		if v[i] == 0 {
			key = append(key, 0, 0xff)
			continue
		}
		key = append(key, v[i])
	}
	return append(key, 0, 0)
}
