package chdb

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// ErrNoLibrary says that the engine is not on this machine.
var ErrNoLibrary = errors.New("clickhouse library not found")

//go:embed npm/package.json
var manifest []byte

// LibraryEnv names the variable that overrides where the engine is looked for.
const LibraryEnv = "DESKPULSE_LIBCHDB"

// Locate finds the engine: $DESKPULSE_LIBCHDB, else the cache that fetch.sh fills.
func Locate() (string, error) {
	if path := os.Getenv(LibraryEnv); path != "" {
		if !isFile(path) {
			return "", fmt.Errorf("%w: %s=%s is not a file; correct it, or unset it and run `make clickhouse`", ErrNoLibrary, LibraryEnv, path)
		}
		return path, nil
	}
	path, err := cached()
	if err != nil {
		return "", err
	}
	if !isFile(path) {
		return "", fmt.Errorf("%w: %s does not exist; run `make clickhouse` or set %s", ErrNoLibrary, path, LibraryEnv)
	}
	return path, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// cached is where fetch.sh puts the engine for this platform; keep the two alike.
func cached() (string, error) {
	name, library := packageFor(runtime.GOOS, runtime.GOARCH)
	var pins struct{ Dependencies map[string]string }
	if err := json.Unmarshal(manifest, &pins); err != nil {
		return "", fmt.Errorf("npm/package.json: %w", err)
	}
	version, ok := pins.Dependencies[name]
	if !ok {
		return "", fmt.Errorf("%w: no engine is pinned for %s/%s; set %s to a libchdb, or use a ClickHouse server", ErrNoLibrary, runtime.GOOS, runtime.GOARCH, LibraryEnv)
	}
	root := os.Getenv("DESKPULSE_CACHE")
	if root == "" {
		base := os.Getenv("XDG_CACHE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("%w: no cache folder: %w; set DESKPULSE_CACHE", ErrNoLibrary, err)
			}
			base = filepath.Join(home, ".cache")
		}
		root = filepath.Join(base, "deskpulse")
	}
	return filepath.Join(root, "chdb", version, library), nil
}

func packageFor(system, machine string) (name, library string) {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[machine]
	if system == "darwin" {
		return "@chdb/lib-darwin-" + arch, "libchdb.dylib"
	}
	return "@chdb/lib-" + system + "-" + arch + "-gnu", "libchdb.so"
}
