package chdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	lockName    = "deskpulse.lock"
	lockTimeout = 30 * time.Second // as long as a former owner may take to stop
)

// lockFolder makes this process the only one that uses a data folder. The lock
// is the kernel's: it is free again when its owner is dead, however it died.
func lockFolder(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	if err := awaitLock(bounded, file); err != nil {
		owner, _ := os.ReadFile(file.Name()) // only for the message
		_ = file.Close()
		return nil, fmt.Errorf("%s is in use by process %s, after %v of waiting: %w; stop it or choose another folder", path, first(strings.TrimSpace(string(owner)), "unknown"), lockTimeout, err)
	}
	if err := file.Truncate(0); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := fmt.Fprintf(file, "%d\n", os.Getpid()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func awaitLock(ctx context.Context, file *os.File) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-again.C:
		}
	}
}
