package replay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/services/replay/mapping"
	"github.com/deskpulse/deskpulse/services/replay/table"
)

// recorded reads events as JSON lines, as --events prints them: a replay without a
// mapping. Of several tables with a mapping each, this makes one history.
type recorded struct {
	tenant  string
	bad     func(*table.Error) error
	each    func(*mapping.Event) error
	decoder kpi.Decoder
	stats   mapping.Stats
}

func (r *recorded) read(ctx context.Context, files []string, progress func(int)) (mapping.Stats, error) {
	reader := &table.Reader{Progress: progress}
	for _, file := range files {
		err := reader.Lines(file, func(line []byte, number int64) error {
			if r.stats.Rows++; r.stats.Rows%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			return r.line(filepath.Base(file), line, number)
		})
		if err != nil {
			return r.stats, err
		}
	}
	return r.stats, nil
}

func (r *recorded) line(file string, line []byte, number int64) error {
	ev, err := r.event(line)
	if bad := (*kpi.FieldError)(nil); errors.As(err, &bad) {
		r.stats.Bad++
		return r.bad(&table.Error{File: file, Row: number, Field: bad.Field, Value: bad.Value, Problem: bad.Reason + ": " + bad.Remedy})
	}
	if err != nil {
		return fmt.Errorf("%s: row %d: %w", file, number, err)
	}
	r.stats.Events++
	return r.each(ev)
}

// event parses and checks one line.
func (r *recorded) event(line []byte) (*mapping.Event, error) {
	msg, err := kpi.ParseJSON(line)
	if err != nil {
		return nil, err
	}
	if r.tenant != "" {
		msg.Tenant = r.tenant
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(msg)
	if err != nil {
		return nil, err
	}
	out := &mapping.Event{Message: msg, Data: data, Tenant: msg.Tenant}
	r.decoder.Decode(kpi.Envelope{}, data, func(ev *kpi.Event, _ []byte, refused error) {
		if err = refused; refused == nil {
			out.Kind, out.At = ev.Kind, ev.At
		}
	})
	return out, err
}
