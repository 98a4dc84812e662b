//go:build unix

package guard

import (
	"io/fs"
	"os"
	"syscall"
)

// nonblock keeps an open from waiting, should the file have become a pipe.
const nonblock = syscall.O_NONBLOCK

// owned is a file that no system knows, as whoever runs the script owns it: the
// embedded shell asks for the owner, and takes for granted that there is one.
func owned(info fs.FileInfo) fs.FileInfo {
	if _, ok := info.Sys().(*syscall.Stat_t); ok {
		return info
	}
	return ownedInfo{info}
}

type ownedInfo struct{ fs.FileInfo }

// Sys says who owns it.
func (ownedInfo) Sys() any {
	return &syscall.Stat_t{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
}
