//go:build unix

package real

import (
	"errors"
	"net"
	"os"
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

// reserve takes a port without listening on it: whoever connects is refused, and
// nobody else can have it. open begins to listen.
func reserve() (port int, open func() (net.Listener, error), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return 0, nil, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, nil, errors.Join(err, syscall.Close(fd))
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, nil, errors.Join(err, syscall.Close(fd))
	}
	return at.(*syscall.SockaddrInet4).Port, func() (net.Listener, error) {
		if err := syscall.Listen(fd, 16); err != nil {
			return nil, err
		}
		f := os.NewFile(uintptr(fd), "reserved")
		defer f.Close()
		return net.FileListener(f)
	}, nil
}
