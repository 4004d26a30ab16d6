package engine

import (
	"encoding/binary"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// record is one event of an entity, as its history keeps it.
type record struct {
	at       int64 // Unix milliseconds
	sequence int64
	id       uint64 // hash of the event's id
	action   kpi.Action
	flags    uint8
	combo    uint32 // the event's own dimensions
	extra    [numExtra]int64
}

// Actions beyond those of the contract.
const actionVoid kpi.Action = 0xff // extra[xVoided] is the hash of the id that it retracts

// Flags of a record.
const (
	flagByOther    = 1 << iota // by an agent, a bot, a monitor or a system: not the customer's report
	flagByPerson               // by a person of the service, or by nobody in particular
	flagPrivate                // a reply that the customer does not see
	flagUnresolved             // closed without resolution
	flagByMachine              // by a bot, a monitor or a system
	flagExtra                  // extra is not empty: only where it is stored
)

// compare orders the events of one entity: by time, the publisher's sequence, and the
// hash of the id, which is arbitrary but the same everywhere.
func (r *record) compare(o *record) int {
	switch {
	case r.at != o.at:
		return sign(r.at < o.at)
	case r.sequence != o.sequence:
		return sign(r.sequence < o.sequence)
	case r.id != o.id:
		return sign(r.id < o.id)
	}
	return 0
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// arena keeps all histories as bytes in chunks of one size, linked by number, so that
// appending to a history allocates nothing and a freed chunk is used again. Chunk 0 is
// none.
type arena struct {
	chunks []chunk
	free   uint32
	buffer []byte // scratch
}

const chunkPayload = 44

type chunk struct {
	next    uint32
	payload [chunkPayload]byte
}

// log is the history of one entity. at is the instant of its last record, from which the
// next one is told by difference.
type log struct {
	at         int64
	head, tail uint32
	count      uint32 // of records
	used       uint8  // bytes of the last chunk
}

// newest reports whether r is later than all that l has, so that it is neither known
// nor out of order.
func (l *log) newest(r *record) bool { return l.count == 0 || r.at > l.at }

func (a *arena) alloc() uint32 {
	if i := a.free; i != 0 {
		a.free = a.chunks[i].next
		a.chunks[i].next = 0
		return i
	}
	if len(a.chunks) == 0 {
		a.chunks = append(a.chunks, chunk{})
	}
	a.chunks = append(a.chunks, chunk{})
	return uint32(len(a.chunks) - 1)
}

// append adds r at the end of l.
func (a *arena) append(l *log, r *record) {
	b := binary.AppendVarint(a.buffer[:0], r.at-l.at)
	flags := r.flags
	if r.extra != [numExtra]int64{} {
		flags |= flagExtra
	}
	b = append(b, byte(r.action), flags)
	b = binary.LittleEndian.AppendUint64(b, r.id)
	b = binary.AppendVarint(b, r.sequence)
	b = binary.AppendUvarint(b, uint64(r.combo))
	if flags&flagExtra != 0 {
		b = appendExtra(b, &r.extra)
	}
	a.buffer = b
	a.write(l, b)
	l.count++
	l.at = r.at
}

func (a *arena) write(l *log, b []byte) {
	for len(b) > 0 {
		if l.tail == 0 || l.used == chunkPayload {
			i := a.alloc()
			if l.tail == 0 {
				l.head = i
			} else {
				a.chunks[l.tail].next = i
			}
			l.tail, l.used = i, 0
		}
		n := copy(a.chunks[l.tail].payload[l.used:], b)
		l.used += uint8(n)
		b = b[n:]
	}
}

// appendExtra writes which of the extra numbers are there, and those.
func appendExtra(b []byte, extra *[numExtra]int64) []byte {
	mask := uint64(0)
	for i, v := range extra {
		if v != 0 {
			mask |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, mask)
	for _, v := range extra {
		if v != 0 {
			b = binary.AppendVarint(b, v)
		}
	}
	return b
}

// read appends the records of l to dst.
func (a *arena) read(l *log, dst []record) []record {
	b := a.buffer[:0]
	for i := l.head; i != 0; i = a.chunks[i].next {
		n := chunkPayload
		if i == l.tail {
			n = int(l.used)
		}
		b = append(b, a.chunks[i].payload[:n]...)
	}
	a.buffer = b
	var at int64
	for len(b) > 0 {
		dst = append(dst, record{})
		r := &dst[len(dst)-1]
		b = decodeRecord(b, r)
		at += r.at
		r.at = at
	}
	return dst
}

func decodeRecord(b []byte, r *record) []byte {
	var n int
	r.at, n = binary.Varint(b)
	b = b[n:]
	r.action, r.flags = kpi.Action(b[0]), b[1]
	r.id = binary.LittleEndian.Uint64(b[2:])
	b = b[10:]
	r.sequence, n = binary.Varint(b)
	b = b[n:]
	c, n := binary.Uvarint(b)
	r.combo = uint32(c)
	b = b[n:]
	if r.flags&flagExtra == 0 {
		return b
	}
	r.flags &^= flagExtra
	mask, n := binary.Uvarint(b)
	b = b[n:]
	for i := 0; mask != 0; i, mask = i+1, mask>>1 {
		if mask&1 != 0 {
			r.extra[i], n = binary.Varint(b)
			b = b[n:]
		}
	}
	return b
}

// replace makes records the whole of l.
func (a *arena) replace(l *log, records []record) {
	a.release(l)
	for i := range records {
		a.append(l, &records[i])
	}
}

func (a *arena) release(l *log) {
	if l.tail != 0 {
		a.chunks[l.tail].next = a.free
		a.free = l.head
	}
	*l = log{}
}
