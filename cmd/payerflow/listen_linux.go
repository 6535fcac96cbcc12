package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// unackedMillis is how long what was sent may stay without a word from the other
// side before its connection is given up. Connections have it from the listener.
const unackedMillis = 30_000

func cutHalfOpen(_, _ string, c syscall.RawConn) (err error) {
	if e := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, unackedMillis)
	}); e != nil {
		return e
	}
	return err
}
