//go:build unix

package guard

import "syscall"

// nonblock keeps an open from waiting, should the file have become a pipe.
const nonblock = syscall.O_NONBLOCK
