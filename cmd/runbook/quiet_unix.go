//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// quietTerminal lets a terminal hand over each letter when it is typed, and show none by
// itself. Its keys for signals stay what they are. What it gives undoes it.
func quietTerminal(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	was, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil, err
	}
	now := *was
	now.Lflag &^= unix.ECHO | unix.ICANON
	now.Lflag |= unix.ISIG
	now.Iflag |= unix.ICRNL
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, setTermios, &now); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, was) }, nil // the terminal may be gone
}
