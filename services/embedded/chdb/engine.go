package chdb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// engine runs requests, each in a session of its own: a connection costs 0.2 ms,
// runs beside the others (two statements on one connection wait for each other),
// and takes its settings, database and temporary tables with it when it closes.
type engine struct {
	lib      *library
	args     *arguments
	keeper   *connection   // open as long as the server, so the engine never stops between requests
	slots    chan struct{} // at most so many requests run; the others wait
	spool    string        // folder for request bodies and held answers
	lock     *os.File
	timezone string
	last     atomic.Uint64 // number of the last session
	log      *zap.Logger
}

func newEngine(ctx context.Context, cfg Config) (*engine, error) {
	lib, err := loadLibrary(cfg.Library)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, err
	}
	e := &engine{
		lib:   lib,
		args:  newArguments("clickhouse", "--path="+path),
		slots: make(chan struct{}, cfg.MaxConcurrent),
		spool: filepath.Join(path, "deskpulse_spool"),
		log:   cfg.Log,
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, err
	}
	if e.lock, err = lockFolder(ctx, path); err != nil {
		return nil, err
	}
	if e.keeper, err = lib.open(e.args); err != nil {
		return nil, errors.Join(err, e.lock.Close())
	}
	if err := e.prepare(); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *engine) prepare() error {
	if err := os.RemoveAll(e.spool); err != nil { // what a killed process left
		return err
	}
	if err := os.MkdirAll(e.spool, 0o700); err != nil {
		return err
	}
	zone, _, err := e.keeper.execute("SELECT timezone()", "TSVRaw")
	e.timezone = strings.TrimSpace(string(zone))
	return err
}

func (e *engine) close() {
	_ = os.RemoveAll(e.spool) // removed at the next start otherwise
	e.keeper.close()
	_ = e.lock.Close() // frees it
}

// session is one request's connection.
type session struct {
	*connection
	engine *engine
	mark   string // in the setting log_comment: names its query to KILL QUERY
	over   chan struct{}
	stop   func() bool
	killed chan struct{}
}

// setting is a name and its value; the order counts (profile, readonly).
type setting struct{ name, value string }

// open gives a session with the database and settings of a request. When ctx
// ends, the query that runs in it is killed.
func (e *engine) open(ctx context.Context, database string, settings []setting) (*session, error) {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, refuse(codeCancelled, "The client went away before its query started")
	}
	conn, err := e.lib.open(e.args)
	if err != nil {
		<-e.slots
		return nil, err
	}
	s := &session{
		connection: conn, engine: e, over: make(chan struct{}), killed: make(chan struct{}),
		mark: "deskpulse-" + strconv.FormatUint(e.last.Add(1), 10),
	}
	s.stop = context.AfterFunc(ctx, s.kill)
	if err := s.configure(database, settings); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) configure(database string, settings []setting) error {
	set := strings.Builder{}
	set.WriteString("SET implicit_select = 0, async_insert = 0, log_comment = " + quote(s.mark))
	for _, each := range settings {
		set.WriteString(", " + each.name + " = " + quote(each.value))
	}
	if database != "" {
		if _, _, err := s.execute("USE "+quoteName(database), "Null"); err != nil {
			return err
		}
	}
	_, _, err := s.execute(set.String(), "Null")
	return err
}

func (s *session) close() {
	close(s.over)
	if !s.stop() {
		<-s.killed
	}
	s.connection.close()
	<-s.engine.slots
}

// kill asks the engine, until the session is over, to end what runs in it: the
// query may not have begun when the client goes away.
func (s *session) kill() {
	defer close(s.killed)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if err := s.engine.killQuery(s.mark); err != nil {
			s.engine.log.Warn("kill query", zap.Error(err))
		}
		select {
		case <-s.over:
			return
		case <-again.C:
		}
	}
}

func (e *engine) killQuery(mark string) error {
	conn, err := e.lib.open(e.args)
	if err != nil {
		return err
	}
	defer conn.close()
	_, _, err = conn.execute("KILL QUERY WHERE Settings['log_comment'] = "+quote(mark)+" ASYNC", "Null")
	return err
}
