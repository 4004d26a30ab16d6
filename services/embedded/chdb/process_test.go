package chdb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/deskpulse/deskpulse/services/embedded/chdb"
	"github.com/deskpulse/deskpulse/services/embedded/chdb/chdbtest"
)

func start(t *testing.T, folder string) *chdb.Process {
	t.Helper()
	p, err := chdb.Start(t.Context(), chdb.Options{DataDir: folder, Log: zaptest.NewLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func stop(t *testing.T, p *chdb.Process) {
	t.Helper()
	if err := p.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-p.Done(); err != nil {
		t.Fatal(err)
	}
}

func TestRestartKeepsData(t *testing.T) {
	folder := t.TempDir()
	p := start(t, folder)
	post(t, p.Addr(), "CREATE TABLE t (a UInt32) ENGINE = ReplacingMergeTree ORDER BY a")
	post(t, p.Addr(), "INSERT INTO t SELECT number FROM numbers(1000)")
	pid := p.Pid()
	stop(t, p)
	if err := syscall.Kill(pid, 0); err == nil {
		t.Fatalf("process %d is still there after Stop", pid)
	}
	p = start(t, folder)
	defer stop(t, p)
	want(t, "after restart", post(t, p.Addr(), "SELECT count(), sum(a) FROM t"), "1000\t499500\n")
}

// TestKilledWhileInserting kills the engine again and again while eight clients
// insert. Every insert that was answered is there whole; the others are there
// whole or not at all.
func TestKilledWhileInserting(t *testing.T) {
	const (
		clients  = 8
		kills    = 4
		rows     = 500 // per insert
		perRound = 150 // answered inserts between two kills
	)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	folder := t.TempDir()
	p := start(t, folder)
	post(t, p.Addr(), "CREATE TABLE t (batch UInt64, n UInt32, pad String) ENGINE = MergeTree ORDER BY (batch, n)")

	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan uint64)
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			for i := uint64(0); ctx.Err() == nil; i++ {
				batch := uint64(c)<<32 | i
				if insertBatch(ctx, p.Addr(), batch, rows) {
					select {
					case answered <- batch:
					case <-ctx.Done():
						return // answered but not reported: may be there
					}
				}
			}
		})
	}
	var acknowledged []uint64
	pids := map[int]bool{}
	for range kills {
		for range perRound + random.IntN(50) {
			acknowledged = append(acknowledged, <-answered)
		}
		pids[p.Pid()] = true
		if err := syscall.Kill(p.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		acknowledged = append(acknowledged, <-answered) // by then it is back
	}
	cancel()
	running.Wait()
	if len(pids) != kills {
		t.Fatalf("killed %d processes, not %d", len(pids), kills)
	}
	stop(t, p)

	p = start(t, folder)
	defer stop(t, p)
	there := map[string]string{}
	for line := range strings.Lines(post(t, p.Addr(), "SELECT batch, count(), uniqExact(n), min(length(pad)) FROM t GROUP BY batch")) {
		batch, rest, _ := strings.Cut(strings.TrimSpace(line), "\t")
		there[batch] = rest
	}
	whole := fmt.Sprintf("%d\t%d\t100", rows, rows)
	for batch, content := range there {
		if content != whole {
			t.Errorf("batch %s is there in part: %q", batch, content)
		}
	}
	for _, batch := range acknowledged {
		if there[strconv.FormatUint(batch, 10)] != whole {
			t.Errorf("batch %d was answered and is lost", batch)
		}
	}
	t.Logf("%d inserts answered, %d there, %d kills", len(acknowledged), len(there), kills)
}

// insertBatch inserts with settings that must not weaken the promise.
func insertBatch(ctx context.Context, addr string, batch uint64, rows int) bool {
	var body strings.Builder
	for n := range rows {
		fmt.Fprintf(&body, "%d\t%d\t%0100d\n", batch, n, n)
	}
	target := "http://" + addr + "/?async_insert=1&wait_for_async_insert=0&query=INSERT+INTO+t+SETTINGS+async_insert=1,wait_for_async_insert=0+FORMAT+TSV"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body.String()))
	if err != nil {
		return false
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false // killed: unanswered
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func TestPasswordAndForeignPages(t *testing.T) {
	p, err := chdb.Start(t.Context(), chdb.Options{DataDir: t.TempDir(), Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, p)
	want(t, "right", post(t, p.Addr(), "SELECT 1", "user", "default", "password", "secret"), "1\n")
	if r := send(t, p.Addr(), http.MethodPost, "SELECT 1", "password", "wrong"); r.status != http.StatusForbidden || !strings.HasPrefix(r.body, "Code: 516.") {
		t.Errorf("wrong password: %d %s", r.status, r.body)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.Addr()+"/?password=secret", strings.NewReader("SELECT 1"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "http://elsewhere.example")
	if r := do(t, request); r.status != http.StatusForbidden || !strings.HasPrefix(r.body, "Code: 497.") {
		t.Errorf("foreign page: %d %s", r.status, r.body)
	}
}

func TestStartNamesTheRemedy(t *testing.T) {
	t.Setenv(chdb.LibraryEnv, "")
	t.Setenv("DESKPULSE_CACHE", t.TempDir())
	if _, err := chdb.Start(t.Context(), chdb.Options{DataDir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "make clickhouse") {
		t.Errorf("no library: %v", err)
	}
	fake := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(fake, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := chdb.Start(t.Context(), chdb.Options{DataDir: t.TempDir(), Library: fake}); err == nil || !strings.Contains(err.Error(), fake) {
		t.Errorf("broken library: %v", err)
	}
}

const parentEnv = "DESKPULSE_TEST_PARENT"

// runParentIfAsked is the parent that TestNoOrphan kills.
func runParentIfAsked() {
	folder := os.Getenv(parentEnv)
	if folder == "" {
		return
	}
	p, err := chdb.Start(context.Background(), chdb.Options{DataDir: folder})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, p.Pid(), p.Addr())
	select {}
}

func TestNoOrphan(t *testing.T) {
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), self)
	parent.Env = append(os.Environ(), parentEnv+"="+folder)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	var addr string
	if _, err := fmt.Fscan(out, &child, &addr); err != nil {
		t.Fatal(err)
	}
	post(t, addr, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := parent.Wait(); err == nil {
		t.Fatal("the killed parent ended well")
	}
	p := chdbtest.Start(t, folder) // waits for the folder until the orphan has let go
	want(t, "data", post(t, p.Addr(), "SELECT count() FROM t"), "0\n")
	awaitDeath(t, child)
}

// awaitDeath waits until a process is gone, or a zombie that nobody reaps here.
func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(20 * time.Second)
	for {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(state), ") Z ") {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("process %d outlives its parent: %s", pid, state)
		case <-again.C:
		}
	}
}
