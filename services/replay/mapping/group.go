package mapping

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/deskpulse/deskpulse/services/replay/extsort"
	"github.com/deskpulse/deskpulse/services/replay/table"
)

// group is the entity in hand: its first, previous and present row.
type group struct {
	entity               string
	first, prev, pending *table.Row
	n                    int64
	stopped              bool
	state
}

// state is what a bad row must not change.
type state struct {
	sequence int64
	done     uint64 // the events that came out, one bit for each entry of events
}

func (g *state) isDone(index int) bool { return g.done&(1<<index) != 0 }

func (g *state) setDone(index int) { g.done |= 1 << index }

// begin starts an entity.
func (r *runner) begin(entity string) {
	r.stats.Entities++
	r.group = group{entity: entity}
}

// push takes the entity's next row. It is used when the row after it is known.
func (r *runner) push(row *table.Row) error {
	g := &r.group
	if g.stopped {
		r.stats.Skipped++
		return nil
	}
	if skipped, err := r.skipped(row); err != nil {
		return r.fault(row, "skip", err)
	} else if skipped {
		r.stats.Skipped++
		return nil
	}
	if g.pending != nil {
		if err := r.use(row); err != nil || g.stopped {
			r.stats.Skipped++
			return err
		}
	}
	g.pending = row
	return nil
}

func (r *runner) skipped(row *table.Row) (bool, error) {
	if r.m.skip == nil {
		return false, nil
	}
	g := &r.group
	s := r.scope(row, g.prev, nil, g.first)
	s.n = g.n
	if g.pending != nil {
		s = r.scope(row, g.pending, nil, orRow(g.first, g.pending))
		s.n = g.n + 1
	}
	return r.m.skip.truth(s)
}

// orRow is a, or b where there is no a.
func orRow(a, b *table.Row) *table.Row {
	if a != nil {
		return a
	}
	return b
}

func (r *runner) scope(row, prev, next, first *table.Row) *scope {
	value := func(row *table.Row) rowValue { return rowValue{r.columns, row} }
	return &scope{row: value(row), prev: value(prev), next: value(next), first: value(orRow(first, row))}
}

// use makes the events of the pending row. A bad one is as if it were not there.
func (r *runner) use(next *table.Row) error {
	g := &r.group
	row := g.pending
	g.pending = nil
	s := r.scope(row, g.prev, next, g.first)
	s.n = g.n
	bad := r.stats.Bad
	if err := r.events(s); err != nil {
		return err
	}
	if r.stats.Bad > bad {
		return nil
	}
	g.first, g.prev, g.n = orRow(g.first, row), row, g.n+1
	if r.m.stopAfter == nil {
		return nil
	}
	s.i = 0
	stop, err := r.m.stopAfter.truth(s)
	if err != nil {
		return r.fault(row, "stop_after", err)
	}
	g.stopped = stop
	return nil
}

// end closes the entity in hand.
func (r *runner) end() error {
	if r.group.pending == nil {
		return nil
	}
	err := r.use(nil)
	r.group = group{}
	return err
}

// maxID is the longest id that the contract allows.
const maxID = 256

// id is an event's own where the mapping gives none: what it is, of which entity, and
// by which of its rows; of a row that stands alone, its file and number.
func (g *group) id(e *event, s *scope) string {
	id := fmt.Sprintf("%s:%s:%d", e.name, g.entity, s.n)
	if g.entity == "" {
		id = fmt.Sprintf("%s:%s:%d", e.name, stem(s.row.row.File), s.row.row.Number)
	}
	if e.repeat != nil {
		id += fmt.Sprintf(":%d", s.i)
	}
	if len(id) > maxID {
		sum := sha256.Sum256([]byte(id))
		id = e.name + ":" + hex.EncodeToString(sum[:])
	}
	return id
}

// stem is a file's name without its endings.
func stem(file string) string {
	file = strings.TrimSuffix(file, ".gz")
	return strings.TrimSuffix(file, path.Ext(file))
}

func (r *runner) instant(e *expression, s *scope) (time.Time, bool, error) {
	v, err := e.evaluate(s)
	if err != nil {
		return time.Time{}, false, err
	}
	when, ok, err := r.m.instant(v)
	if bad := (*valueError)(nil); errors.As(err, &bad) {
		err = &fault{field: "at", source: e.source, value: bad.value, problem: bad.problem}
	}
	return when, ok, err
}

// keys adds the computed columns to a row and makes its key for sorting.
func (r *runner) keys(row *table.Row) (entity string, err error) {
	s := r.scope(row, nil, nil, nil)
	for i, c := range r.m.compute {
		text, err := c.value.text(s)
		if err != nil {
			return "", err
		}
		row.Set(r.computed[i], text)
	}
	if r.m.entity == nil {
		return "", nil
	}
	if entity, err = r.m.entity.text(s); err != nil {
		return "", err
	}
	r.key = extsort.AppendString(r.key[:0], entity)
	for _, o := range r.m.order {
		v, err := o.evaluate(s)
		if err != nil {
			return "", err
		}
		r.key = appendKey(r.key, v)
	}
	return entity, nil
}

func appendKey(key []byte, v ref.Val) []byte {
	switch v := v.(type) {
	case types.Int:
		return extsort.AppendInt(key, int64(v))
	case types.Double:
		return extsort.AppendFloat(key, float64(v))
	case types.Timestamp:
		return extsort.AppendInt(extsort.AppendInt(key, v.Unix()), int64(v.Nanosecond()))
	}
	return extsort.AppendString(key, fmt.Sprint(v.Value()))
}

// keyedRow is a row of a grouped file with its place in the entity's order.
type keyedRow struct {
	key []byte
	row *table.Row
}

// takeGrouped collects the adjacent rows of an entity.
func (r *runner) takeGrouped(entity string, row *table.Row) error {
	if entity == "" || entity != r.group.entity {
		if err := r.flushGrouped(); err != nil {
			return err
		}
		if entity == "" {
			return r.alone(row)
		}
		h := maphash.String(seed, entity)
		if r.entities[h] {
			return fmt.Errorf("%s: row %d: the rows of %s are not adjacent: set grouped to false", row.File, row.Number, table.Quote(entity))
		}
		r.entities[h] = true
		r.begin(strings.Clone(entity))
	}
	r.near = append(r.near, keyedRow{slices.Clone(r.key), row.Clone()})
	return nil
}

var seed = maphash.MakeSeed()

func (r *runner) flushGrouped() error {
	slices.SortStableFunc(r.near, func(a, b keyedRow) int { return slices.Compare(a.key, b.key) })
	for _, k := range r.near {
		if err := r.push(k.row); err != nil {
			return err
		}
	}
	r.near = r.near[:0]
	return r.end()
}

// encodeRow writes a row for sorting; values that are missing take no room.
func encodeRow(to []byte, entity string, row *table.Row) []byte {
	to = appendText(to, entity)
	to = appendText(to, row.File)
	to = binary.AppendUvarint(to, uint64(row.Number))
	to = binary.AppendUvarint(to, uint64(row.Line))
	for id, v := range row.Values {
		if v != "" {
			to = appendText(binary.AppendUvarint(to, uint64(id)), v)
		}
	}
	return to
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

func decodeRow(data []byte) (entity string, row *table.Row, err error) {
	in := &rowReader{text: string(data)} // one copy, that all values share
	row = &table.Row{}
	entity, row.File = in.string(), in.string()
	row.Number, row.Line = int64(in.number()), int64(in.number())
	for in.text != "" && !in.broken {
		id := int(in.number())
		row.Set(id, in.string())
	}
	if in.broken {
		return "", nil, errors.New("the sorted rows cannot be read back: is the disk of the temporary folder sound?")
	}
	return entity, row, nil
}

type rowReader struct {
	text   string
	broken bool
}

func (r *rowReader) number() uint64 {
	var v uint64
	for i := 0; i < len(r.text) && i < binary.MaxVarintLen64; i++ {
		v |= uint64(r.text[i]&0x7f) << (7 * i)
		if r.text[i] < 0x80 {
			r.text = r.text[i+1:]
			return v
		}
	}
	r.broken, r.text = true, ""
	return 0
}

func (r *rowReader) string() string {
	n := r.number()
	if n > uint64(len(r.text)) {
		r.broken, r.text = true, ""
		return ""
	}
	out := r.text[:n]
	r.text = r.text[n:]
	return out
}
