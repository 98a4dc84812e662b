package journal

import (
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes the file's lock, which the system lets go when the process ends.
func tryLock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 1<<20, new(windows.Overlapped))
}
