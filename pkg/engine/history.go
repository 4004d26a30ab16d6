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

// numExtra is how many numbers a record can hold that most records do not have. What
// they mean depends on the kind of the entity.
const numExtra = 8

// Actions beyond those of the contract.
const actionVoid kpi.Action = 0xff // extra[0] is the hash of the id that it retracts

// Flags of a record.
const (
	flagByOther    = 1 << iota // by an agent, a bot, a monitor or a system: not the customer's report
	flagByPerson               // by a person of the service, or by nobody in particular
	flagPrivate                // a reply that the customer does not see
	flagUnresolved             // closed without resolution
	flagNamed                  // of a type that is an incident only where it is named
	flagExtra                  // extra is not empty
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

// arena keeps all histories in chunks of one size, linked by number, so that appending
// to a history allocates nothing and a freed chunk is used again. Chunk 0 is none.
type arena struct {
	chunks []chunk
	free   uint32
}

const chunkPayload = 91

type chunk struct {
	next    uint32
	used    uint8
	payload [chunkPayload]byte
}

// log is the history of one entity. at, sequence and id are those of its last record,
// from which the next one is told by difference.
type log struct {
	at, sequence int64
	id           uint64
	head, tail   uint32
	count        uint32
}

// newest reports whether r is later than all that l has, so that it is neither known
// nor out of order.
func (l *log) newest(r *record) bool { return l.count == 0 || r.at > l.at }

func (a *arena) alloc() uint32 {
	if i := a.free; i != 0 {
		a.free = a.chunks[i].next
		a.chunks[i].next, a.chunks[i].used = 0, 0
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
	var buf [128]byte
	b := binary.AppendVarint(buf[:0], r.at-l.at)
	b = binary.AppendVarint(b, r.sequence-l.sequence)
	b = binary.LittleEndian.AppendUint64(b, r.id)
	b = append(b, byte(r.action), r.flags)
	b = binary.AppendUvarint(b, uint64(r.combo))
	if r.flags&flagExtra != 0 {
		b = appendExtra(b, &r.extra)
	}
	if len(b) > chunkPayload {
		panic("engine: internal error: a record is longer than a chunk")
	}
	if l.tail == 0 || int(a.chunks[l.tail].used)+len(b) > chunkPayload {
		i := a.alloc()
		if l.tail == 0 {
			l.head = i
		} else {
			a.chunks[l.tail].next = i
		}
		l.tail = i
	}
	c := &a.chunks[l.tail]
	c.used += uint8(copy(c.payload[c.used:], b))
	l.count++
	l.at, l.sequence, l.id = r.at, r.sequence, r.id
}

// appendExtra writes which of the extra numbers are there, and those.
func appendExtra(b []byte, extra *[numExtra]int64) []byte {
	mark := len(b)
	b = append(b, 0)
	for i, v := range extra {
		if v != 0 {
			b[mark] |= 1 << i
			b = binary.AppendVarint(b, v)
		}
	}
	return b
}

// read appends the records of l to dst.
func (a *arena) read(l *log, dst []record) []record {
	var at, sequence int64
	for i := l.head; i != 0; i = a.chunks[i].next {
		b := a.chunks[i].payload[:a.chunks[i].used]
		for len(b) > 0 {
			var r record
			b = decodeRecord(b, &r)
			at, sequence = at+r.at, sequence+r.sequence
			r.at, r.sequence = at, sequence
			dst = append(dst, r)
		}
	}
	return dst
}

func decodeRecord(b []byte, r *record) []byte {
	var n int
	r.at, n = binary.Varint(b)
	b = b[n:]
	r.sequence, n = binary.Varint(b)
	b = b[n:]
	r.id = binary.LittleEndian.Uint64(b)
	r.action, r.flags = kpi.Action(b[8]), b[9]
	b = b[10:]
	c, n := binary.Uvarint(b)
	r.combo = uint32(c)
	b = b[n:]
	if r.flags&flagExtra == 0 {
		return b
	}
	mask := b[0]
	b = b[1:]
	for i := range r.extra {
		if mask&(1<<i) != 0 {
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
