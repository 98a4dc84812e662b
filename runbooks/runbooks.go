// Package runbooks is the library: the runbooks that are built into the program,
// and found when no file of the name is.
package runbooks

import "embed"

// Files are the runbooks and their scenarios.
//
//go:embed *.yaml
var Files embed.FS
