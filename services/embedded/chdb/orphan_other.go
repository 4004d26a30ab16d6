//go:build !linux

package chdb

import "syscall"

// dieWithParent has no kernel's help here: the child sees the end of its stdin.
func dieWithParent() *syscall.SysProcAttr { return nil }
