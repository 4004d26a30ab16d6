package input

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// DefaultURL is where NATS listens by default.
const DefaultURL = "nats://127.0.0.1:4222"

// Options says which NATS to use and as whom. The zero value is a server without
// passwords on this machine.
type Options struct {
	URL         string // one or more, separated by commas; "" is DefaultURL
	Credentials string // file with a user's JWT and seed; none where empty
	User        string // where the server wants a user and a password instead
	Password    string
	TLSCA       string // PEM file of the authorities that sign the server; "" is the system's
	TLSCert     string // PEM files with which this client shows who it is; none where empty
	TLSKey      string
	Name        string // shown in the server's list of connections; "" is deskpulse

	// InProcess, where set, is a server of this process; URL is then ignored.
	InProcess nats.InProcessConnProvider
}

// Waits between attempts to connect.
const (
	connectTimeout = 5 * time.Second
	reconnectWait  = 500 * time.Millisecond
)

// Connect returns a connection that comes back by itself for as long as it is open. The
// first connection is tried until ctx ends, except where trying again cannot help. With a
// context that has ended already it is tried once; one that is cancelled while it is tried
// is a wish to stop, and its error is returned as it is.
func Connect(ctx context.Context, o Options, log *zap.Logger) (*nats.Conn, error) {
	url := o.URL
	if url == "" {
		url = DefaultURL
	}
	opts, err := o.options(log)
	if err != nil {
		return nil, err
	}
	once := ctx.Err() != nil
	for logged := false; ; {
		nc, err := nats.Connect(url, opts...)
		if err == nil {
			return nc, nil
		}
		if isFinal(err) {
			return nil, fmt.Errorf("nats at %s: %w: check the URL, --creds and the --tls files", url, err)
		}
		if !logged {
			logged = true
			log.Warn("nats does not answer yet; trying again until it does", zap.String("url", url), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			if !once && errors.Is(ctx.Err(), context.Canceled) {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("nats at %s does not answer: %w: is the server running, is the address right?", url, err)
		case <-time.After(reconnectWait):
		}
	}
}

// isFinal reports whether a first connection failed for a reason that stays.
func isFinal(err error) bool {
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var badCert *tls.CertificateVerificationError
	var remote *net.OpError
	alert := errors.As(err, &remote) && remote.Op == "remote error" // a TLS alert: the server refused us
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) ||
		errors.Is(err, nats.ErrSecureConnRequired) || errors.Is(err, nats.ErrSecureConnWanted) ||
		errors.As(err, &unknown) || errors.As(err, &wrongHost) || errors.As(err, &badCert) || alert
}

// options checks the files and translates the options into those of nats.go.
func (o Options) options(log *zap.Logger) ([]nats.Option, error) {
	name := o.Name
	if name == "" {
		name = "deskpulse"
	}
	opts := []nats.Option{
		nats.Name(name),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.IgnoreAuthErrorAbort(), // credentials may be renewed while the process runs
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("nats connection lost; it comes back by itself", zap.Error(err))
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("nats connection is back", zap.String("url", nc.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Error("nats", zap.String("subject", subject), zap.Error(err))
		}),
	}
	if o.InProcess != nil {
		opts = append(opts, nats.InProcessServer(o.InProcess))
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.Credentials != "" {
		if _, err := os.Stat(o.Credentials); err != nil {
			return nil, fmt.Errorf("nats credentials: %w: give the .creds file of the user", err)
		}
		opts = append(opts, nats.UserCredentials(o.Credentials))
	}
	return o.tls(opts)
}

func (o Options) tls(opts []nats.Option) ([]nats.Option, error) {
	if o.TLSCA != "" {
		pem, err := os.ReadFile(o.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("nats tls ca: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("nats tls ca: %s holds no certificate: give a PEM file", o.TLSCA)
		}
		opts = append(opts, nats.RootCAs(o.TLSCA))
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return nil, errors.New("nats tls: certificate and key belong together: give both files or none")
	}
	if o.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey); err != nil {
			return nil, fmt.Errorf("nats tls certificate: %w", err)
		}
		opts = append(opts, nats.ClientCert(o.TLSCert, o.TLSKey))
	}
	return opts, nil
}
