//go:build !unix

package real

import "net"

func fill(*net.TCPListener) error { return errFull }

func reserve() (int, func() (net.Listener, error), error) { return 0, nil, errFull }
