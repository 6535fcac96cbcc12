//go:build chaos

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/client"
)

const (
	fleetSlow, fleetHalfOpen = 3, 3 // watches of such clients
	fleetNumb                = 4    // of each kind
	// fleetCut bounds how long such a connection may stay: a reader that takes
	// nothing for 10 s is cut, once what lies between it and the worker is full.
	fleetCut = 2 * time.Minute
)

// slowly is a connection of a client that takes 2.5 kB a second while it is slow.
type slowly struct {
	net.Conn
	slow *atomic.Bool
}

func (c slowly) Read(b []byte) (int, error) {
	if c.slow.Load() {
		<-time.After(100 * time.Millisecond) // that is what it is
		b = b[:min(len(b), 256)]
	}
	return c.Conn.Read(b)
}

// vanishing is a connection of a client from whom, after a while, nothing more
// comes and to whom nothing gets, though nobody closes it.
type vanishing struct {
	net.Conn
	gone chan struct{}
	shut chan struct{}
	once sync.Once
}

func (c *vanishing) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.gone:
		<-c.shut
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *vanishing) Write(b []byte) (int, error) {
	select {
	case <-c.gone:
		return len(b), nil
	default:
		return c.Conn.Write(b)
	}
}

// Close is seen by the client alone, where it has vanished.
func (c *vanishing) Close() error {
	c.once.Do(func() { close(c.shut) })
	select {
	case <-c.gone:
		return nil
	default:
		return c.Conn.Close()
	}
}

// through is a fleet whose connections are made in another way.
type through struct {
	f *fleet
	t *http.Transport
	w *fleetWatch
}

func (x through) RoundTrip(req *http.Request) (*http.Response, error) {
	x.w.mu.Lock()
	x.w.resumed++
	x.w.mu.Unlock()
	return x.f.send(req, x.t)
}

// odd are the clients that are not as they should be.
type odd struct {
	slow    atomic.Bool
	vanish  atomic.Bool
	mu      sync.Mutex
	buried  []net.Conn // of clients that have vanished
	watches []*fleetWatch
}

// watchOddly has clients watch claims that are slow, and others that vanish time
// and again; each resumes where it was.
func (f *fleet) watchOddly(t *testing.T, tg target) *odd {
	o := &odd{}
	o.slow.Store(true)
	o.vanish.Store(true)
	for i := range fleetSlow + fleetHalfOpen {
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := narrow(ctx, network, address)
			return slowly{c, &o.slow}, err
		}
		if i >= fleetSlow {
			dial = o.dialVanishing
		}
		w := &fleetWatch{claim: fleetClaim(i)}
		f.watch(t, w, client.Options{Token: tg.token, Silence: 4 * time.Second, HTTP: &http.Client{
			Transport: through{f, &http.Transport{DialContext: dial, DisableKeepAlives: true}, w}}})
		o.watches = append(o.watches, w)
	}
	return o
}

func (o *odd) dialVanishing(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := narrow(ctx, network, address)
	if err != nil || !o.vanish.Load() {
		return c, err
	}
	v := &vanishing{Conn: c, gone: make(chan struct{}), shut: make(chan struct{})}
	time.AfterFunc(5*time.Second, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		close(v.gone)
		o.buried = append(o.buried, c)
	})
	return v, nil
}

// mend makes them as they should be, and waits until workers have cut what the
// vanished ones have left open. Rows still change.
func (o *odd) mend(t *testing.T) {
	o.vanish.Store(false)
	began := time.Now()
	within(t, fleetCut, "half-open connections are cut", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return !anyOpen(t, o.buried)
	})
	t.Logf("%d half-open connections: the last was cut %.0f s after the last client vanished", len(o.buried), time.Since(began).Seconds())
	for _, c := range o.buried {
		_ = c.Close()
	}
	o.slow.Store(false)
}

// sitOut opens watches that nobody reads and requests that are never finished,
// and waits until workers have cut them. Meanwhile rows change, and are told to
// everybody else.
func (f *fleet) sitOut(t *testing.T, tg target, watches []*fleetWatch) {
	began := time.Now()
	var unread, unfinished []net.Conn
	for i := range fleetNumb {
		address := f.nodes[i%len(f.nodes)].host.Load().(string)
		unread = append(unread, watchUnread(t, address, tg.token, fleetClaim(i)))
		c, err := narrow(ctx(t, time.Minute), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := c.Write([]byte("GET /v1/views/claim-")); err != nil {
			t.Fatal(err)
		}
		unfinished = append(unfinished, c)
	}
	within(t, fleetCut, "requests that are never finished are cut", func() bool { return !anyOpen(t, unfinished) })
	first := time.Since(began)
	within(t, fleetCut, "watches that nobody reads are cut", func() bool { return !anyOpen(t, unread) })
	t.Logf("%d requests that are never finished were cut within %.0f s, %d watches that nobody reads within %.0f s", len(unfinished), first.Seconds(), len(unread), time.Since(began).Seconds())
	sent := int(f.sent.Load())
	for i, w := range watches {
		within(t, time.Minute, fmt.Sprintf("watch %d goes on beside them", i), func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.facts) > 0 && w.facts[len(w.facts)-1] >= sent
		})
	}
}

// anyOpen says whether a worker holds one of these connections.
func anyOpen(t *testing.T, conns []net.Conn) bool {
	t.Helper()
	open := waitsAt(t)
	return slices.ContainsFunc(conns, func(c net.Conn) bool { _, is := open[farEnd(c)]; return is })
}
