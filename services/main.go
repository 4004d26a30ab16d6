// Command deskpulse turns the events of customer service into live KPIs. It holds every
// role of the system: each is a command, and this file is their table.
//
// It exits with 0 after success, 1 after a failure and 2 where the command line is
// wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/services/board"
	"github.com/deskpulse/deskpulse/services/embedded/chdb"
	"github.com/deskpulse/deskpulse/services/publish"
	"github.com/deskpulse/deskpulse/services/replay"
	"github.com/deskpulse/deskpulse/services/simulate"
	"github.com/deskpulse/deskpulse/services/worker"
)

// commands is everything that deskpulse can do, in the order in which help shows it.
type commands struct {
	Run        runCommand        `cmd:"" help:"Run everything on this machine: NATS, ClickHouse, worker, board."`
	Worker     worker.Command    `cmd:"" help:"Keep the KPIs of a NATS that runs elsewhere."`
	Board      board.Command     `cmd:"" help:"Show the KPIs of workers that run elsewhere."`
	Simulate   simulate.Command  `cmd:"" help:"Publish the events of a simulated service desk."`
	Replay     replay.Command    `cmd:"" help:"Turn tables of past events into live or offline KPIs."`
	Publish    publish.Publish   `cmd:"" help:"Publish events from files or standard input."`
	DLQ        publish.DLQ       `cmd:"" name:"dlq" help:"Look at what was refused, and send it again."`
	Config     configCommand     `cmd:"" help:"Check a configuration file."`
	KPI        kpiCommand        `cmd:"" name:"kpi" help:"Look up the KPIs."`
	Completion completionCommand `cmd:"" help:"Print a script that lets your shell complete deskpulse."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
	Complete   completeCommand   `cmd:"" name:"__complete" hidden:"" passthrough:""`

	LogFormat string `enum:"console,json" default:"console" env:"DESKPULSE_LOG_FORMAT" help:"How to log, to standard error: console or json."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" env:"DESKPULSE_LOG_LEVEL" help:"The least level to log: debug, info, warn or error."`
}

const description = `deskpulse turns the events of customer service into live KPIs: response times, overdue requests, repeat incidents.

Start with "deskpulse run --simulate 20" and open the page whose address it prints.`

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	chdb.RunChildIfAsked()
	ctx, stop := process.SignalContext(context.Background())
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exit is what kong's --help panics with, to leave the parser.
type exit int

// console is where commands of this package print their result.
type console struct{ io.Writer }

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			code = int(r)
		default:
			panic(r)
		}
	}()
	var c commands
	parser := newParser(&c, stdout, stderr)
	call, err := parser.Parse(args)
	if err != nil {
		return complain(stderr, err)
	}
	log, err := process.NewLogger(process.LogConfig{Format: c.LogFormat, Level: c.LogLevel}, zapcore.AddSync(stderr))
	if err != nil {
		return complain(stderr, err)
	}
	defer func() { _ = log.Sync() }() // standard error cannot be synced everywhere
	call.BindTo(ctx, (*context.Context)(nil))
	call.Bind(log, parser, &console{stdout})
	if err := call.Run(); err != nil && !errors.Is(err, context.Canceled) {
		log.Debug("command failed", zap.Error(err))
		fmt.Fprintln(stderr, "deskpulse:", err)
		return exitFailure
	}
	return exitOK
}

func newParser(c *commands, stdout, stderr io.Writer) *kong.Kong {
	return kong.Must(c,
		kong.Name("deskpulse"),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
}

// complain reports a command line that is wrong.
func complain(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "deskpulse:", err)
	command := "deskpulse"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if path := parse.Context.Command(); path != "" {
			command += " " + path
		}
	}
	fmt.Fprintf(stderr, "See: %s --help\n", command)
	return exitUsage
}

type versionCommand struct{}

// Help is shown by version --help.
func (versionCommand) Help() string {
	return `Examples:

    deskpulse version
`
}

// Run prints the version.
func (versionCommand) Run(out *console) error {
	_, err := fmt.Fprintln(out, "deskpulse", process.Version())
	return err
}
