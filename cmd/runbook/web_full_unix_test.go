//go:build unix

package main

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// fill takes all the room that a listener has for those who wait, so that nobody
// else gets an answer: neither a yes nor a no, as from a machine that is down.
func fill(l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.Listen(int(fd), 0) }); err != nil || failed != nil {
		return errors.Join(err, failed)
	}
	for range 64 {
		if _, err := net.DialTimeout("tcp", l.Addr().String(), 300*time.Millisecond); err != nil {
			return nil
		}
	}
	return errFull
}
