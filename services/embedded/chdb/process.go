package chdb

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// Options is what [Start] needs.
type Options struct {
	Command       []string // argv of the child; default: this program. It must call RunChildIfAsked
	Library       string   // libchdb; default: what Locate finds
	DataDir       string   // the data folder; made if it is not there
	Listen        string   // default 127.0.0.1:0, a free port
	User          string   // default "default"; checked only with Password
	Password      string   // empty: any user and password are accepted
	MaxConcurrent int      // requests that run at once, the others wait; default 64
	Log           *zap.Logger
}

// Process is a child that serves ClickHouse. When the child dies it is started
// again on the same address: the parent keeps the listening socket, so requests
// made meanwhile wait instead of being refused.
type Process struct {
	options  Options
	listener *os.File
	addr     string
	pid      atomic.Int64
	log      *zap.Logger

	stop     context.CancelFunc // tells the supervisor to end the child
	done     chan error
	finished chan struct{}
}

const (
	startTimeout = 60 * time.Second
	graceTimeout = 30 * time.Second // from SIGTERM to SIGKILL
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	soundAfter   = 30 * time.Second // a child that lived so long starts the pauses anew
)

// Start starts the child and returns when it answers queries. ctx bounds the
// start only; end the process with Stop.
func Start(ctx context.Context, o Options) (*Process, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: listen on %s: %w; choose another address", o.Listen, err)
	}
	defer listener.Close() // the file below is a copy
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	supervise, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Process{
		options: o, listener: file, addr: listener.Addr().String(), log: o.Log,
		stop: stop, done: make(chan error, 1), finished: make(chan struct{}),
	}
	first := make(chan error, 1)
	go p.supervise(supervise, first)
	bounded, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := p.await(bounded, first); err != nil {
		stop()
		<-p.finished
		return nil, err
	}
	return p, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.DataDir == "" {
		return o, errors.New("clickhouse: no data folder; set DataDir")
	}
	if len(o.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return o, err
		}
		o.Command = []string{self, "clickhouse-server"}
	}
	if o.Library == "" {
		path, err := Locate()
		if err != nil {
			return o, err
		}
		o.Library = path
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o, nil
}

// await waits until the first child answers a query or ends.
func (p *Process) await(ctx context.Context, first <-chan error) error {
	answers := make(chan error, 1)
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { answers <- p.ask(asking) }()
	select {
	case err := <-first:
		return err
	case err := <-answers:
		return err
	}
}

// ask sends one query; the open socket holds it until the child serves.
func (p *Process) ask(ctx context.Context) error {
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/?query="+url.QueryEscape("SELECT 1"), http.NoBody)
	if err != nil {
		return err
	}
	request.SetBasicAuth(first(p.options.User, "default"), p.options.Password)
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("clickhouse does not answer on %s: %w", p.addr, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if string(body) != "1\n" {
		return fmt.Errorf("clickhouse on %s answers SELECT 1 with %q", p.addr, body)
	}
	return nil
}

// Addr is HOST:PORT of the HTTP interface, the same for the life of p.
func (p *Process) Addr() string { return p.addr }

// Pid is the process id of the present child; 0 between two.
func (p *Process) Pid() int { return int(p.pid.Load()) }

// Done gives the reason for the end of p, nil after Stop, once.
func (p *Process) Done() <-chan error { return p.done }

// Stop lets running requests end, stops the child and waits for it. When ctx
// ends first, the child is killed.
func (p *Process) Stop(ctx context.Context) error {
	p.stop()
	select {
	case <-p.finished:
		return nil
	case <-ctx.Done():
	}
	if pid := p.Pid(); pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
	}
	<-p.finished
	return ctx.Err()
}

// supervise runs children one after the other. It owns its OS thread: Linux
// sends the parent-death signal when the thread that started the child ends.
func (p *Process) supervise(ctx context.Context, first chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.finished)
	defer p.listener.Close()
	pause := firstPause
	for {
		began := time.Now()
		err := p.runChild(ctx)
		if ctx.Err() != nil {
			p.done <- nil
			return
		}
		if err == nil {
			err = errors.New("clickhouse ended by itself")
		}
		select {
		case first <- err: // only Start's first look reads it
		default:
		}
		if time.Since(began) > soundAfter {
			pause = firstPause
		}
		p.log.Error("clickhouse ended; starting it again", zap.Error(err), zap.Duration("pause", pause))
		select {
		case <-ctx.Done():
			p.done <- nil
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// runChild runs one child to its end.
func (p *Process) runChild(ctx context.Context) error {
	cmd, err := p.command(ctx)
	if err != nil {
		return err
	}
	stdin, err := cmd.StdinPipe() // held open: its end tells the child that the parent is gone
	if err != nil {
		return err
	}
	defer stdin.Close()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p.pid.Store(int64(cmd.Process.Pid))
	defer p.pid.Store(0)
	p.log.Info("clickhouse started", zap.String("addr", p.addr), zap.Int("pid", cmd.Process.Pid))
	last := p.forward(stderr)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("clickhouse child: %w: %s", err, last)
	}
	return nil
}

func (p *Process) command(ctx context.Context) (*exec.Cmd, error) {
	o := p.options
	text, err := json.Marshal(order{Library: o.Library, Path: o.DataDir, User: o.User, Password: o.Password, MaxConcurrent: o.MaxConcurrent})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, o.Command[0], o.Command[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.ExtraFiles = []*os.File{p.listener}
	cmd.SysProcAttr = dieWithParent()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = graceTimeout
	return cmd, nil
}

// forward logs what the child prints, to its end, and returns its last line.
func (p *Process) forward(r io.Reader) string {
	last := "it printed nothing"
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			last = line
			p.log.Warn("clickhouse", zap.String("line", line))
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long ends the scan, not the child
	return last
}
