package input

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// authority is a certificate authority with one server's and one client's certificate.
type authority struct {
	ca, serverCert, serverKey, clientCert, clientKey string // PEM files
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, ca := newKey(t), &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := authority{ca: writeCert(t, ca, ca, key, key)}
	issue := func(use x509.ExtKeyUsage) (cert, keyFile string) {
		own := newKey(t)
		der, err := x509.MarshalPKCS8PrivateKey(own)
		if err != nil {
			t.Fatal(err)
		}
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{use}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		return writeCert(t, leaf, ca, own, key), writePEM(t, "PRIVATE KEY", der)
	}
	a.serverCert, a.serverKey = issue(x509.ExtKeyUsageServerAuth)
	a.clientCert, a.clientKey = issue(x509.ExtKeyUsageClientAuth)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writeCert(t *testing.T, cert, parent *x509.Certificate, own, signer *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &own.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "CERTIFICATE", der)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func (a authority) serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(a.serverCert, a.serverKey)
	if err != nil {
		t.Fatal(err)
	}
	pool, data := x509.NewCertPool(), readFile(t, a.ca)
	pool.AppendCertsFromPEM(data)
	return &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// operator makes an account of an operator, and a user's credentials file for it.
func operator(t *testing.T, o *server.Options) (creds string) {
	t.Helper()
	pair := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		k, err := create()
		if err != nil {
			t.Fatal(err)
		}
		public, err := k.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return k, public
	}
	op, opKey := pair(nkeys.CreateOperator)
	account, accountKey := pair(nkeys.CreateAccount)
	_, systemKey := pair(nkeys.CreateAccount)
	user, userKey := pair(nkeys.CreateUser)

	claims := jwt.NewAccountClaims(accountKey)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	resolver := &server.MemAccResolver{}
	for key, c := range map[string]*jwt.AccountClaims{accountKey: claims, systemKey: jwt.NewAccountClaims(systemKey)} {
		token, err := c.Encode(op)
		if err != nil {
			t.Fatal(err)
		}
		if err := resolver.Store(key, token); err != nil {
			t.Fatal(err)
		}
	}
	opClaims := jwt.NewOperatorClaims(opKey)
	opClaims.SystemAccount = systemKey
	o.TrustedOperators, o.AccountResolver, o.SystemAccount = []*jwt.OperatorClaims{opClaims}, resolver, systemKey

	token, err := jwt.NewUserClaims(userKey).Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	file, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	creds = filepath.Join(t.TempDir(), "user.creds")
	if err := os.WriteFile(creds, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return creds
}

func TestConnectWithTLSAndCredentials(t *testing.T) {
	a, creds := newAuthority(t), ""
	b := startBroker(t, 1, func(o *server.Options) {
		o.TLSConfig, o.TLSTimeout = a.serverTLS(t), 5
		creds = operator(t, o)
	})
	good := Options{URL: b.ns.ClientURL(), Credentials: creds, TLSCA: a.ca, TLSCert: a.clientCert, TLSKey: a.clientKey}
	nc, err := Connect(testContext(t), good, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := Ensure(testContext(t), js, Topology{Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	publishRaw(t, js, 0, 1, 10)
	checkNumbered(t, readN(t, openReader(t, js, Position{Partitions: 1}, nil), 10), 1)

	for name, change := range map[string]func(*Options){
		"no credentials":         func(o *Options) { o.Credentials = "" },
		"missing credentials":    func(o *Options) { o.Credentials = "/does/not/exist" },
		"unknown authority":      func(o *Options) { o.TLSCA = "" },
		"no client certificate":  func(o *Options) { o.TLSCert, o.TLSKey = "", "" },
		"certificate, no key":    func(o *Options) { o.TLSKey = "" },
		"authority is no PEM":    func(o *Options) { o.TLSCA = creds },
		"key of another":         func(o *Options) { o.TLSKey = a.serverKey },
		"authority file missing": func(o *Options) { o.TLSCA = "/does/not/exist" },
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			change(&o)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if nc, err := Connect(ctx, o, zap.NewNop()); err == nil {
				nc.Close()
				t.Fatal("connected")
			} else if ctx.Err() != nil {
				t.Fatalf("it was tried again for ever: %v", err)
			}
		})
	}
}

// The first connection waits for a server that is not there yet, and says so once.
func TestConnectWaitsForTheServer(t *testing.T) {
	b := startBroker(t, 1, nil)
	url := b.ns.ClientURL()
	b.stop()
	core, logs := observer.New(zap.WarnLevel)
	waiting := make(chan struct{})
	log := zap.New(core, zap.Hooks(onFirst(waiting)))
	done := make(chan error, 1)
	go func() {
		nc, err := Connect(testContext(t), Options{URL: url}, log)
		if err == nil {
			nc.Close()
		}
		done <- err
	}()
	<-waiting
	b.start()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := logs.Len(); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
}

func TestConnectGivesUpWithItsContext(t *testing.T) {
	b := startBroker(t, 1, nil)
	url := b.ns.ClientURL()
	b.stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Connect(ctx, Options{URL: url}, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "is the server running") {
		t.Fatalf("got %v", err)
	}
}

// A stop while the server is waited for is a stop like any other.
func TestConnectStopsWithItsContext(t *testing.T) {
	b := startBroker(t, 1, nil)
	url := b.ns.ClientURL()
	b.stop()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	core, _ := observer.New(zap.WarnLevel)
	waiting := make(chan struct{})
	go func() {
		<-waiting
		cancel()
	}()
	_, err := Connect(ctx, Options{URL: url}, zap.New(core, zap.Hooks(onFirst(waiting))))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
}

// onFirst closes a channel with the first line that is logged.
func onFirst(logged chan struct{}) func(zapcore.Entry) error {
	var once sync.Once
	return func(zapcore.Entry) error {
		once.Do(func() { close(logged) })
		return nil
	}
}
