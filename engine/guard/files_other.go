//go:build !unix

package guard

import "io/fs"

// nonblock has no meaning here: there are no named pipes among the files.
const nonblock = 0

// owned has nothing to add: the embedded shell does not ask for owners here.
func owned(info fs.FileInfo) fs.FileInfo { return info }
