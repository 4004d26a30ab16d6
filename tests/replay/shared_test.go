package replay_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/services/replay"
)

// repository is this checkout's root.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.work")); err == nil {
			return at
		}
	}
	t.Fatalf("%s: no go.work in it or above it", dir)
	return ""
}

// shared is the path of a file of the shared data, which lies beside the repository, or
// where DESKPULSE_SHARED says.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("DESKPULSE_SHARED")
	if root == "" {
		root = filepath.Join(filepath.Dir(repository(t)), "shared")
	}
	path := filepath.Join(append([]string{root, "data"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: put the shared data beside the repository, or set DESKPULSE_SHARED to its folder", err)
	}
	return path
}

func mappingFile(t *testing.T, name string) string {
	return filepath.Join(repository(t), "docs", "mappings", name)
}

// lines runs a replay and hands over what it prints, line by line.
func lines(t *testing.T, c replay.Command, each func(line []byte)) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Memory, c.TempDir = &out, 16, t.TempDir()
	if err := c.Run(t.Context(), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(out.Bytes()) {
		each(line)
	}
}

// table reads a gzipped CSV file the plain way.
func table(t *testing.T, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = strings.TrimSpace(record[i])
		}
		rows = append(rows, row)
	}
	return rows
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
