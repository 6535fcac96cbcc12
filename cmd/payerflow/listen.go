package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

const (
	// reserveFiles are the descriptors that connections leave to the rest of the
	// process: clients of the brokers, segments of tables, other workers.
	reserveFiles = 1024
	// fewestConnections are let in however few descriptors there are.
	fewestConnections = 64
)

// maxConnections is how many connections may be open at a time, as the limit on
// open files allows.
func maxConnections() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return fewestConnections
	}
	return connectionsOf(limit.Cur)
}

func connectionsOf(files uint64) int {
	reserve := min(uint64(reserveFiles), files/2)
	return int(max(fewestConnections, min(files-reserve, 1<<20)))
}

// bounded closes connections beyond a number as soon as they are accepted, so
// that those that are open keep what they have.
type bounded struct {
	net.Listener
	most int64
	open atomic.Int64
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b.open.Add(1) <= b.most {
			return &counted{Conn: c, gone: sync.OnceFunc(func() { b.open.Add(-1) })}, nil
		}
		b.open.Add(-1)
		_ = c.Close()
	}
}

type counted struct {
	net.Conn
	gone func()
}

func (c *counted) Close() error {
	defer c.gone()
	return c.Conn.Close()
}

// listenHTTP takes the address, for as many connections as may be open.
func listenHTTP(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{Control: cutHalfOpen}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, coded(exitUnavailable, fmt.Errorf("HTTP address %s is taken by another process; choose another with --http-addr", addr))
	}
	if err != nil {
		return nil, coded(exitUnavailable, fmt.Errorf("HTTP address %s: %w", addr, err))
	}
	return &bounded{Listener: ln, most: int64(maxConnections())}, nil
}
