package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the deskpulse that the tests start, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "deskpulse-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "deskpulse")
	build := exec.Command("go", "build", "-o", path, "../../services")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path)) // a temporary folder of this test
	}
	os.Exit(code)
}

// site is a running deskpulse and the addresses that it printed.
type site struct {
	t       *testing.T
	command *exec.Cmd
	printed map[string]string // by the first word of the line
	log     *strings.Builder
	ended   chan error
}

// start runs deskpulse with free ports and waits until it has printed its addresses.
func start(t *testing.T, dir string, args ...string) *site {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{
		"run", "--data-dir", dir, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--clickhouse-listen", "127.0.0.1:0",
	}, args...)
	s := &site{t: t, command: exec.Command(path, args...), printed: map[string]string{}, log: &strings.Builder{}, ended: make(chan error, 1)}
	s.command.Stderr = s.log
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop() })
	lines := bufio.NewScanner(stdout)
	for len(s.printed) < 5 && lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		s.printed[word] = strings.TrimSpace(rest)
	}
	if len(s.printed) < 5 {
		t.Fatalf("deskpulse ended early: %v\n%s", s.command.Wait(), s.log)
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		s.ended <- s.command.Wait()
	}()
	return s
}

// stop ends deskpulse as ctrl-C does, and requires that it ends well.
func (s *site) stop() {
	s.t.Helper()
	if s.ended == nil {
		return
	}
	if err := s.command.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Error(err)
	}
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("deskpulse ended with %v\n%s", err, s.log)
		}
	case <-time.After(30 * time.Second):
		_ = s.command.Process.Kill() // it is reported just below
		s.t.Errorf("deskpulse did not stop within 30 s\n%s", s.log)
	}
	s.ended = nil
}

// get returns the body of a page of the board.
func (s *site) get(path string) (string, error) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, strings.TrimSuffix(s.printed["board"], "/")+path, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	return string(body), nil
}

// until polls a condition that becomes true through what other processes do. The last
// error says what it waited for.
func until(t *testing.T, condition func() error) {
	t.Helper()
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal(err)
		}
	}
}
