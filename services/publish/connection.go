package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
)

// connection is the flags that say which NATS to use and as whom.
type connection struct {
	Nats    string `default:"nats://127.0.0.1:4222" env:"DESKPULSE_NATS" placeholder:"URL" help:"Where NATS is; several URLs are separated by commas."`
	Creds   string `env:"DESKPULSE_CREDS" placeholder:"FILE" help:"Credentials file of the NATS user."`
	TLSCA   string `name:"tls-ca" env:"DESKPULSE_TLS_CA" placeholder:"FILE" help:"Certificates that sign the NATS server's; those of the system by default."`
	TLSCert string `name:"tls-cert" env:"DESKPULSE_TLS_CERT" placeholder:"FILE" help:"Certificate to show to the NATS server."`
	TLSKey  string `name:"tls-key" env:"DESKPULSE_TLS_KEY" placeholder:"FILE" help:"Key of that certificate."`
}

// broker is an open connection and the P of its streams.
type broker struct {
	nc         *nats.Conn
	js         jetstream.JetStream
	partitions int
}

// open connects at once or not at all: a person waits for the answer.
func (c connection) open(ctx context.Context, log *zap.Logger) (*broker, error) {
	once, cancel := context.WithCancel(ctx)
	cancel()
	nc, err := input.Connect(once, input.Options{
		URL: c.Nats, Credentials: c.Creds, TLSCA: c.TLSCA, TLSCert: c.TLSCert, TLSKey: c.TLSKey, Name: "deskpulse publish",
	}, zap.NewNop())
	if err != nil {
		if errors.Is(err, nats.ErrNoServers) {
			return nil, fmt.Errorf("nats at %s does not answer: is the server running, is --nats right?", c.Nats)
		}
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("nats at %s: %w", c.Nats, err)
	}
	partitions, err := input.Partitions(ctx, js)
	if err != nil {
		nc.Close()
		return nil, err
	}
	log.Debug("connected", zap.String("nats", nc.ConnectedUrlRedacted()), zap.Int("partitions", partitions))
	return &broker{nc: nc, js: js, partitions: partitions}, nil
}
