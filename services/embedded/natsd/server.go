package natsd

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// DefaultSyncInterval is how often written blocks are forced to the disk.
const DefaultSyncInterval = time.Second

// startTimeout bounds the recovery of the streams at start: reading the index of a
// store of many GB takes seconds, not minutes.
const startTimeout = 2 * time.Minute

// Config says how the server is to run. Dir and Partitions must be given.
type Config struct {
	// Dir is the folder of the streams. It is created where it is missing.
	Dir string
	// Listen is host:port; "" is 127.0.0.1:0, and port 0 takes a free port.
	Listen string
	// Partitions is P of the mapping desk.*.*.* → deskp.<p>.<tenant>.<kind>.
	Partitions int
	// SyncInterval is the time between two fsyncs of what was written; 0 is
	// DefaultSyncInterval.
	//
	// Every acknowledged event is with the operating system, so a crash or kill -9 of
	// the process loses nothing. A loss of power can lose the events acknowledged since
	// the last fsync: up to a second by default, up to two minutes at NATS' own default.
	// A second costs one fsync a second for each stream that was written to.
	SyncInterval time.Duration
	// SyncAlways makes an fsync part of every acknowledgement: no loss of power costs an
	// acknowledged event, and a stream takes a few hundred messages a second.
	SyncAlways bool
	// MaxPayload is the largest message in bytes; 0 is 1 MiB, NATS' own default.
	MaxPayload int32
	// Log may be nil.
	Log *zap.Logger
}

// Server is a running server.
type Server struct {
	ns *server.Server
}

// Start returns a server that accepts connections and whose streams are recovered.
func Start(cfg Config) (*Server, error) {
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	log := cfg.Log
	if log == nil {
		log = zap.NewNop()
	}
	lines := logger{log.Named("nats").WithOptions(zap.AddCallerSkip(1)).Sugar(), make(chan string, 1)}
	ns.SetLoggerV2(lines, false, false, false)
	if err := ns.GlobalAccount().AddMapping(MappingFrom, MappingTo(cfg.Partitions)); err != nil {
		return nil, fmt.Errorf("nats server: mapping %s: %w", MappingFrom, err)
	}
	ns.Start()
	s := &Server{ns: ns}
	if err := s.ready(lines.fatal); err != nil {
		s.Stop()
		return nil, fmt.Errorf("nats server on %s with streams in %s: %w: is the port taken, the folder writable, the disk full?", opts.Host+":"+strconv.Itoa(opts.Port), cfg.Dir, err)
	}
	return s, nil
}

// ready waits until the server accepts connections and its streams are recovered.
func (s *Server) ready(fatal <-chan string) error {
	for end := time.Now().Add(startTimeout); ; {
		up := s.ns.ReadyForConnections(100 * time.Millisecond)
		select {
		case line := <-fatal:
			return errors.New(line)
		default:
		}
		switch {
		case up && s.ns.JetStreamEnabled():
			return nil
		case up:
			return errors.New("jetstream is not available")
		case time.Now().After(end):
			return fmt.Errorf("not ready after %s", startTimeout)
		}
	}
}

// options translates the configuration into the server's own.
func (cfg Config) options() (*server.Options, error) {
	if cfg.Dir == "" {
		return nil, errors.New("nats server: Dir is empty: name the folder for the streams")
	}
	if cfg.Partitions < 1 || cfg.Partitions > 1024 {
		return nil, fmt.Errorf("nats server: Partitions is %d: use 1 to 1024, 16 as a rule", cfg.Partitions)
	}
	listen := cfg.Listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("nats server: Listen is %q: use host:port: %w", listen, err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil || port < 0 || port > 65535 {
		return nil, fmt.Errorf("nats server: Listen is %q: the port is a number from 0 to 65535", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	sync := cfg.SyncInterval
	if sync == 0 {
		sync = DefaultSyncInterval
	}
	return &server.Options{
		ServerName:   "deskpulse",
		Host:         host,
		Port:         port,
		JetStream:    true,
		StoreDir:     cfg.Dir,
		SyncInterval: sync,
		SyncAlways:   cfg.SyncAlways,
		MaxPayload:   cfg.MaxPayload,
		MaxPending:   256 << 20, // bytes under way to one connection: the readers of all partitions share it
		NoSigs:       true,      // signals are the process's own business
	}, nil
}

// MappingFrom is the subject on which events are published by hand.
const MappingFrom = "desk.*.*.*"

// MappingTo is where they go: tenant (token 1) and key (token 3) choose the partition.
func MappingTo(partitions int) string {
	return fmt.Sprintf("deskp.{{partition(%d,1,3)}}.{{wildcard(1)}}.{{wildcard(2)}}", partitions)
}

// URL is the address for clients, with the port that was chosen.
func (s *Server) URL() string { return s.ns.ClientURL() }

// InProcess lets a client of the same process connect without a socket.
func (s *Server) InProcess() nats.InProcessConnProvider { return s.ns }

// Stop closes all connections, writes the streams' state and returns when all is done.
// It may be called again.
func (s *Server) Stop() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}

// logger hands the server's lines to zap. Its notices about every start and every
// stream are of interest only when something is looked for.
type logger struct {
	log   *zap.SugaredLogger
	fatal chan string // the first fatal line, of which the server itself makes no error
}

func (l logger) Noticef(format string, v ...any) { l.log.Debugf(format, v...) }
func (l logger) Warnf(format string, v ...any)   { l.log.Warnf(format, v...) }
func (l logger) Errorf(format string, v ...any)  { l.log.Errorf(format, v...) }
func (l logger) Debugf(format string, v ...any)  { l.log.Debugf(format, v...) }
func (l logger) Tracef(format string, v ...any)  { l.log.Debugf(format, v...) }

func (l logger) Fatalf(format string, v ...any) {
	l.log.Errorf(format, v...)
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}
