//go:build !unix

package main

import "net"

func fill(*net.TCPListener) error { return errFull }
