package output

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// ClickHouseOptions say where the history is and how it is laid out.
type ClickHouseOptions struct {
	Addr               []string // host:port
	Database           string   // created where it is missing
	Username, Password string
	Native             bool        // ClickHouse's own protocol instead of HTTP
	TLS                *tls.Config // nil: plain
	Path               string      // of a proxy in front, HTTP only
	Settings           map[string]any

	Replicated  bool            // ReplicatedReplacingMergeTree; the server has default_replica_path
	Windows     []window.Window // those of the engine, in its order; nil: window.Default()
	Compiled    *kpi.Compiled   // the engine's; nil: the built-in catalogue
	Scorecards  []Sheet         // nil: no view of them
	KeepMinutes time.Duration   // how long minute totals are kept; 0: DefaultKeepMinutes
	KeepEntity  time.Duration   // how long after its beginning a ticket, call … is kept; 0: for ever
	Attempts    int             // to write a batch before giving it back; 0: 3
	Backoff     time.Duration   // before the second attempt, then doubled; 0: 200 ms
}

// DefaultKeepMinutes is how long minute totals are kept: as long as the longest window
// but "all", and a few days. Hour totals are kept for ever, since stocks are their sums.
const DefaultKeepMinutes = 35 * 24 * time.Hour

// longestKeep: a TTL that ends after 2106 wraps around, and everything is dropped at once.
const longestKeep = 20 * 365 * 24 * time.Hour

// ParseClickHouseDSN reads http://user:password@host:8123/database; https, clickhouse
// (the native protocol) and clickhouses (native over TLS) are the other schemes.
// Parameters are those of clickhouse-go, and replicated=true.
func ParseClickHouseDSN(dsn string) (ClickHouseOptions, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return ClickHouseOptions{}, errors.New("clickhouse address is not a URL: write http://user:password@host:8123/deskpulse") // err may quote the password
	}
	query := u.Query()
	o := ClickHouseOptions{Replicated: query.Get("replicated") == "true"}
	query.Del("replicated")
	switch u.Scheme {
	case "http", "clickhouse":
	case "https", "clickhouses":
		query.Set("secure", "true")
	default:
		return o, fmt.Errorf("clickhouse address: scheme %q is unknown: use http, https, clickhouse or clickhouses", u.Scheme)
	}
	if u.Host == "" {
		return o, fmt.Errorf("clickhouse address: host is missing: write %s://host:8123/deskpulse", u.Scheme)
	}
	if u.Scheme == "clickhouses" {
		u.Scheme = "clickhouse"
	}
	u.RawQuery = query.Encode()
	parsed, err := clickhouse.ParseDSN(u.String())
	if err != nil {
		return o, fmt.Errorf("clickhouse address: %w", err)
	}
	o.Addr, o.Database = parsed.Addr, parsed.Auth.Database
	o.Username, o.Password = parsed.Auth.Username, parsed.Auth.Password
	o.Native, o.TLS, o.Path = parsed.Protocol == clickhouse.Native, parsed.TLS, parsed.HttpUrlPath
	o.Settings = parsed.Settings
	return o, nil
}

func (o *ClickHouseOptions) defaults() error {
	if len(o.Addr) == 0 {
		return errors.New("clickhouse address is empty: give host:port")
	}
	if o.Database == "" || o.Database == "default" {
		o.Database = "deskpulse"
	}
	if o.Windows == nil {
		o.Windows = window.Default()
	}
	if o.Compiled == nil {
		compiled, err := builtin(o.Windows)
		if err != nil {
			return err
		}
		o.Compiled = compiled
	}
	if o.KeepMinutes == 0 {
		o.KeepMinutes = DefaultKeepMinutes
	}
	if o.KeepMinutes < 24*time.Hour || o.KeepMinutes > longestKeep {
		return fmt.Errorf("clickhouse retention: minutes %s: keep them between 24h and %s", o.KeepMinutes, longestKeep)
	}
	if o.KeepEntity != 0 && (o.KeepEntity < 24*time.Hour || o.KeepEntity > longestKeep) {
		return fmt.Errorf("clickhouse retention: entities %s: keep them between 24h and %s, or 0 for ever", o.KeepEntity, longestKeep)
	}
	if o.Attempts == 0 {
		o.Attempts = 3
	}
	if o.Backoff == 0 {
		o.Backoff = 200 * time.Millisecond
	}
	return nil
}

func builtin(windows []window.Window) (*kpi.Compiled, error) {
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		return nil, err
	}
	c, err := catalogue.Compile(nil)
	if err != nil {
		return nil, err
	}
	for _, w := range windows {
		c.Windows = append(c.Windows, w.Name)
	}
	return c, nil
}

func (o *ClickHouseOptions) driver(database string) *clickhouse.Options {
	d := &clickhouse.Options{
		Protocol:     clickhouse.HTTP,
		Addr:         o.Addr,
		Auth:         clickhouse.Auth{Database: database, Username: o.Username, Password: o.Password},
		TLS:          o.TLS,
		HttpUrlPath:  o.Path,
		Settings:     o.Settings,
		DialTimeout:  5 * time.Second,
		MaxOpenConns: 8,
		Compression:  &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
	}
	if o.Native {
		d.Protocol = clickhouse.Native
	}
	return d
}

// ClickHouse is the history. It may be used by many goroutines.
type ClickHouse struct {
	options ClickHouseOptions
	conn    driver.Conn
}

// OpenClickHouse prepares access; nothing is sent before the first use.
func OpenClickHouse(o ClickHouseOptions) (*ClickHouse, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(o.driver(o.Database))
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	return &ClickHouse{options: o, conn: conn}, nil
}

// Close ends the connections.
func (c *ClickHouse) Close() error { return c.conn.Close() }
