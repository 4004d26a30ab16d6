// Package extsort sorts more records than fit in memory: sorted runs are spilled to
// temporary files, and reading merges them.
//
// A record is a key and a value; records come out by their keys' bytes, equal keys in
// the order in which they were added. A Sorter keeps at most its memory limit (and
// while merging 64 KiB for each run) and removes its files on Close. It is for one
// goroutine.
package extsort

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// maxFanIn bounds how many runs are open and merged at once.
const maxFanIn = 64

// recordOverhead is what a record costs beside its bytes: its entry in the index.
const recordOverhead = 24

// Sorter collects records and then reads them in order.
type Sorter struct {
	dir   string
	limit int

	arena []byte  // keys and values of the records in memory
	index []entry // where they lie
	spill []byte  // a spilled record's header, reused
	runs  []*os.File
	count int
}

type entry struct {
	start      int
	key, value uint32
}

// New returns a Sorter that keeps about limit bytes in memory and spills to files in
// dir (the system's own folder for temporary files where dir is empty).
func New(dir string, limit int) *Sorter {
	return &Sorter{dir: dir, limit: limit}
}

// Len is the number of records added.
func (s *Sorter) Len() int { return s.count }

// Runs is the number of spilled runs.
func (s *Sorter) Runs() int { return len(s.runs) }

// Add copies a record.
func (s *Sorter) Add(key, value []byte) error {
	if need := len(key) + len(value) + recordOverhead; len(s.index) > 0 && s.used()+need > s.limit {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.index = append(s.index, entry{len(s.arena), uint32(len(key)), uint32(len(value))})
	s.arena = append(append(s.arena, key...), value...)
	s.count++
	return nil
}

func (s *Sorter) used() int { return len(s.arena) + len(s.index)*recordOverhead }

func (s *Sorter) record(e entry) (key, value []byte) {
	k := e.start + int(e.key)
	return s.arena[e.start:k:k], s.arena[k : k+int(e.value)]
}

func (s *Sorter) sort() {
	slices.SortStableFunc(s.index, func(a, b entry) int {
		ka, _ := s.record(a)
		kb, _ := s.record(b)
		return bytes.Compare(ka, kb)
	})
}

// flush writes what is in memory as a run. Two generations of runs keep their number
// below maxFanIn: when it is reached, all are merged into one.
func (s *Sorter) flush() error {
	s.sort()
	i := 0
	err := s.writeRun(func() (key, value []byte, err error) {
		if i == len(s.index) {
			return nil, nil, io.EOF
		}
		i++
		key, value = s.record(s.index[i-1])
		return key, value, nil
	})
	if err != nil {
		return err
	}
	s.arena, s.index = s.arena[:0], s.index[:0]
	if len(s.runs) < maxFanIn {
		return nil
	}
	return s.compact()
}

func (s *Sorter) compact() error {
	old := s.runs
	m, err := newMerge(old)
	if err != nil {
		return err
	}
	s.runs = nil
	if err := s.writeRun(m.next); err != nil {
		s.runs = append(s.runs, old...)
		return err
	}
	return removeAll(old)
}

func (s *Sorter) writeRun(next func() (key, value []byte, err error)) error {
	f, err := os.CreateTemp(s.dir, "deskpulse-sort-*")
	if err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	s.runs = append(s.runs, f)
	w := bufio.NewWriterSize(f, 1<<18)
	for {
		key, value, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		s.spill = binary.AppendUvarint(binary.AppendUvarint(s.spill[:0], uint64(len(key))), uint64(len(value)))
		for _, part := range [][]byte{s.spill, key, value} {
			if _, err := w.Write(part); err != nil {
				return fmt.Errorf("%s: %w", f.Name(), err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

// Each hands over all records in order. The slices are valid only within the call. An
// error of each ends it. Nothing can be added afterwards; Each may be called again.
func (s *Sorter) Each(each func(key, value []byte) error) error {
	if len(s.runs) > 0 && len(s.index) > 0 {
		if err := s.flush(); err != nil {
			return err
		}
		s.arena, s.index = nil, nil // merging reads files only
	}
	if len(s.runs) == 0 {
		return s.eachInMemory(each)
	}
	m, err := newMerge(s.runs)
	if err != nil {
		return err
	}
	for {
		key, value, err := m.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(key, value); err != nil {
			return err
		}
	}
}

func (s *Sorter) eachInMemory(each func(key, value []byte) error) error {
	s.sort()
	for _, e := range s.index {
		if err := each(s.record(e)); err != nil {
			return err
		}
	}
	return nil
}

// Close removes the files. It is safe to call twice.
func (s *Sorter) Close() error {
	runs := s.runs
	s.runs, s.arena, s.index = nil, nil, nil
	return removeAll(runs)
}

func removeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close(), os.Remove(f.Name()))
	}
	return errors.Join(errs...)
}

// run reads one spilled run.
type run struct {
	in         *bufio.Reader
	name       string
	ordinal    int // runs spilled earlier hold records added earlier
	buffer     []byte
	key, value []byte
}

func (r *run) advance() error {
	key, err := binary.ReadUvarint(r.in)
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	value, err2 := binary.ReadUvarint(r.in)
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	r.buffer = slices.Grow(r.buffer[:0], int(key+value))[:key+value]
	if _, err := io.ReadFull(r.in, r.buffer); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	r.key, r.value = r.buffer[:key], r.buffer[key:]
	return nil
}

// merge is a heap of runs by their next record.
type merge struct {
	runs    []*run
	current *run // handed out last; advanced by the next call
}

func newMerge(files []*os.File) (*merge, error) {
	m := &merge{}
	for i, f := range files {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		r := &run{in: bufio.NewReaderSize(f, 1<<16), name: f.Name(), ordinal: i}
		switch err := r.advance(); {
		case errors.Is(err, io.EOF):
			continue
		case err != nil:
			return nil, err
		}
		m.runs = append(m.runs, r)
	}
	heap.Init(m)
	return m, nil
}

func (m *merge) next() (key, value []byte, err error) {
	if m.current != nil {
		switch err := m.current.advance(); {
		case errors.Is(err, io.EOF):
			heap.Pop(m)
		case err != nil:
			return nil, nil, err
		default:
			heap.Fix(m, 0)
		}
		m.current = nil
	}
	if len(m.runs) == 0 {
		return nil, nil, io.EOF
	}
	m.current = m.runs[0]
	return m.current.key, m.current.value, nil
}

func (m *merge) Len() int { return len(m.runs) }

func (m *merge) Less(i, j int) bool {
	a, b := m.runs[i], m.runs[j]
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	return a.ordinal < b.ordinal
}

func (m *merge) Swap(i, j int) { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }

func (m *merge) Push(x any) { m.runs = append(m.runs, x.(*run)) }

func (m *merge) Pop() any {
	last := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return last
}
