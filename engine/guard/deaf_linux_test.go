package guard

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// deaf is an address that takes no connections and refuses none: a server whose
// queue is full.
func deaf(t *testing.T) (string, int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 2}}); err != nil {
		t.Skip(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := name.(*syscall.SockaddrInet4).Port
	address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), uint16(port)).String()
	for range 8 {
		conn, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return "127.0.0.2", port
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Skip("the queue of a server has no end here")
	return "", 0
}
