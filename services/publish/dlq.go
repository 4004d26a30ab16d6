package publish

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// DLQ is the commands for what was refused.
type DLQ struct {
	List  dlqList  `cmd:"" help:"List what was refused, oldest first."`
	Show  dlqShow  `cmd:"" help:"Show one refused message with its reason and its original bytes."`
	Retry dlqRetry `cmd:"" help:"Publish refused messages again, unless their reason still holds."`
}

// Help is shown by deskpulse dlq --help.
func (DLQ) Help() string {
	return `Events that cannot be used are put on a stream of their own, each with its reason.

Examples:

    deskpulse dlq list --tenant acme
    deskpulse dlq show DESK_3:815
    deskpulse dlq retry --reason unknown
`
}

// choice is the flags that choose dead letters.
type choice struct {
	Tenant string `placeholder:"NAME" help:"Only those of this tenant."`
	Reason string `placeholder:"CODE" help:"Only those with this reason, one of those above."`
}

// reasons is what a letter may have been refused for: an event's fault, or, where it is
// none of these, other.
var reasons = append(slices.Clone(kpi.Reasons), "other")

// Validate is called by kong.
func (c choice) Validate() error {
	if c.Reason != "" && !slices.Contains(reasons, c.Reason) {
		return fmt.Errorf("--reason %q is none: give one of %s", c.Reason, strings.Join(reasons, ", "))
	}
	return nil
}

type dlqList struct {
	choice
	Limit int        `default:"100" placeholder:"N" help:"At most so many; 0 is all."`
	JSON  bool       `help:"One JSON object per line."`
	NATS  connection `embed:""`

	stdout io.Writer
}

// Help is shown by deskpulse dlq list --help.
func (dlqList) Help() string {
	return "The reasons are " + strings.Join(reasons, ", ") + `.

Examples:

    deskpulse dlq list
    deskpulse dlq list --tenant acme --reason invalid --json
`
}

// Run lists the letters.
func (c *dlqList) Run(ctx context.Context, log *zap.Logger) error {
	b, err := c.NATS.open(ctx, log)
	if err != nil {
		return err
	}
	defer b.nc.Close()
	out := orStdout(c.stdout)
	filter := input.Filter{Tenant: c.Tenant, Reason: c.Reason, Limit: c.Limit}
	if c.JSON {
		enc := json.NewEncoder(out)
		return input.List(ctx, b.js, filter, func(l *input.Letter) error { return enc.Encode(row(l)) })
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tREFUSED\tTENANT\tKIND\tREASON\tRETRIES\tERROR")
	n := 0
	err = input.List(ctx, b.js, filter, func(l *input.Letter) error {
		n++
		_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", l.ID, l.Refused.UTC().Format(time.RFC3339), l.Tenant, l.Kind, l.Reason, l.Retries, l.Error)
		return err
	})
	if err != nil {
		return err
	}
	if n == 0 {
		_, err = fmt.Fprintln(out, "no dead letters")
		return err
	}
	return table.Flush()
}

// letterRow is a letter as JSON.
type letterRow struct {
	ID      string    `json:"id"`
	Refused time.Time `json:"refused"`
	Stored  time.Time `json:"stored"`
	Tenant  string    `json:"tenant"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	Reason  string    `json:"reason"`
	Field   string    `json:"field,omitempty"`
	Error   string    `json:"error"`
	Remedy  string    `json:"remedy,omitempty"`
	Retries int       `json:"retries"`
	JSON    bool      `json:"json"`
	Bytes   int       `json:"bytes"`
}

func row(l *input.Letter) letterRow {
	return letterRow{
		ID: l.ID, Refused: l.Refused.UTC(), Stored: l.Stored.UTC(), Tenant: l.Tenant, Kind: l.Kind, Subject: l.Subject,
		Reason: l.Reason, Field: l.Field, Error: l.Error, Remedy: l.Remedy, Retries: l.Retries, JSON: l.JSON, Bytes: l.Size,
	}
}

type dlqShow struct {
	ID   string     `arg:"" help:"Id from dlq list, as in DESK_3:815."`
	Raw  bool       `help:"Print the original bytes and nothing else."`
	NATS connection `embed:""`

	stdout io.Writer
}

// Help is shown by deskpulse dlq show --help.
func (dlqShow) Help() string {
	return `Examples:

    deskpulse dlq show DESK_3:815
    deskpulse dlq show DESK_3:815 --raw > event.json
`
}

// Run shows one letter.
func (c *dlqShow) Run(ctx context.Context, log *zap.Logger) error {
	b, err := c.NATS.open(ctx, log)
	if err != nil {
		return err
	}
	defer b.nc.Close()
	l, err := input.Show(ctx, b.js, c.ID)
	if err != nil {
		return err
	}
	out := orStdout(c.stdout)
	if c.Raw {
		_, err = out.Write(l.Data)
		return err
	}
	for _, line := range [][2]string{
		{"id", l.ID}, {"reason", l.Reason}, {"error", l.Error}, {"subject", l.Subject},
		{"stored", l.Stored.UTC().Format(time.RFC3339Nano)}, {"refused", l.Refused.UTC().Format(time.RFC3339Nano)},
		{"retries", fmt.Sprint(l.Retries)}, {"bytes", fmt.Sprint(l.Size)},
	} {
		fmt.Fprintf(out, "%-8s %s\n", line[0], line[1])
	}
	fmt.Fprintln(out)
	if l.JSON {
		_, err = fmt.Fprintf(out, "%s\n", l.Data)
		return err
	}
	_, err = io.WriteString(out, hex.Dump(l.Data))
	return err
}

type dlqRetry struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Ids from dlq list."`
	All bool     `help:"Retry all, or all that the flags choose."`
	choice
	NATS connection `embed:""`

	stdout, stderr io.Writer
}

// Help is shown by deskpulse dlq retry --help.
func (dlqRetry) Help() string {
	return `What was refused for a reason that still holds is kept, and the exit code is 1. The
reasons are ` + strings.Join(reasons, ", ") + `.

Examples:

    deskpulse dlq retry DESK_3:815 DESK_3:816
    deskpulse dlq retry --all
    deskpulse dlq retry --tenant acme --reason unknown
`
}

// Run retries the letters that were named or chosen.
func (c *dlqRetry) Run(ctx context.Context, log *zap.Logger) error {
	chosen := c.All || c.Tenant != "" || c.Reason != ""
	if chosen == (len(c.IDs) > 0) {
		return errors.New("dlq retry: name ids, or give --all, --reason or --tenant")
	}
	b, err := c.NATS.open(ctx, log)
	if err != nil {
		return err
	}
	defer b.nc.Close()
	ids := c.IDs
	if chosen {
		err = input.List(ctx, b.js, input.Filter{Tenant: c.Tenant, Reason: c.Reason}, func(l *input.Letter) error {
			ids = append(ids, l.ID)
			return nil
		})
		if err != nil {
			return err
		}
	}
	stderr, kept := c.stderr, 0
	if stderr == nil {
		stderr = os.Stderr
	}
	for _, id := range ids {
		if err := input.Retry(ctx, b.js, id, b.partitions); err != nil {
			kept++
			fmt.Fprintln(stderr, err)
		}
	}
	fmt.Fprintf(orStdout(c.stdout), "%d published again, %d kept\n", len(ids)-kept, kept)
	if kept > 0 {
		return fmt.Errorf("%d dead letters were kept: see above", kept)
	}
	return nil
}

func orStdout(w io.Writer) io.Writer {
	if w == nil {
		return os.Stdout
	}
	return w
}
