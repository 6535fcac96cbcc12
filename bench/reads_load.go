package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// connections bounds what the client has open, HTTP/1.1 with keep-alive.
const connections = 32

// readCase is one line of the table.
type readCase struct {
	name string
	urls []string
	run  *readsRun
	view string   // of payerflow; empty: Redis
	at   *serving // who is asked
	hop  bool     // every read takes one; else none does

	beside beside // nil: nothing
}

// measured is what a case gave: at its peak, then at half of that.
type measured struct {
	peak, cpu, rate float64
	p50, p99        time.Duration
	bytes           int64
}

func (c readCase) servers() []*serving {
	if c.view == "" {
		return []*serving{c.run.redis, c.run.handler}
	}
	return []*serving{c.run.demo, c.run.worker}
}

func (c readCase) measure(ctx context.Context, each time.Duration) (m measured, err error) {
	l := &load{ask: c, client: &http.Client{Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true}}}
	defer l.client.CloseIdleConnections()
	before, err := c.hops()
	if err != nil {
		return m, err
	}
	if c.beside != nil {
		stop, failed := c.beside(ctx)
		if failed != nil {
			return m, failed
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	if _, err = l.during(ctx, time.Second, 0); err != nil {
		return m, err
	}
	cpu, done, from := cpuOf(c.servers()...), l.done.Load(), time.Now()
	if _, err = l.during(ctx, each, 0); err != nil {
		return m, err
	}
	n := float64(l.done.Load() - done)
	m.peak, m.cpu = n/time.Since(from).Seconds(), (cpuOf(c.servers()...)-cpu)/n*1e6
	m.rate = m.peak / 2
	took, err := l.during(ctx, each, m.rate)
	if err != nil {
		return m, err
	}
	slices.Sort(took)
	m.p50, m.p99, m.bytes = took[len(took)/2], took[len(took)*99/100], l.bytes.Load()/l.done.Load()
	return m, c.sameWay(before, l.done.Load())
}

func (c readCase) hops() (float64, error) {
	if c.view == "" {
		return 0, nil
	}
	return hops(c.at, c.view)
}

// sameWay fails where a partition has moved meanwhile.
func (c readCase) sameWay(before float64, reads int64) error {
	after, err := c.hops()
	if err != nil || c.view == "" {
		return err
	}
	want := 0.
	if c.hop {
		want = float64(reads)
	}
	if after-before != want {
		return fmt.Errorf("%.0f hops for %d reads: a partition has moved", after-before, reads)
	}
	return nil
}

// load reads URLs in any order.
type load struct {
	ask         readCase
	client      *http.Client
	done, bytes atomic.Int64
}

// during reads for a time: without a rate, on each connection at once again. With
// one, at set times; a read that has to wait for a connection is as long as if
// it had been sent at its time.
func (l *load) during(ctx context.Context, d time.Duration, rate float64) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	took := make([][]time.Duration, connections)
	start := time.Now()
	for i := range took {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), uint64(start.UnixNano())))
			due := start
			for k := 0; ctx.Err() == nil; k++ {
				if rate > 0 {
					due = start.Add(time.Duration((float64(k*connections+i) + rnd.Float64()) / rate * 1e9))
				}
				if due.Sub(start) > d || time.Since(start) > d+10*time.Second || rate == 0 && time.Since(start) > d {
					return
				}
				from := due
				if wait := time.Until(due); rate == 0 || wait > 0 {
					time.Sleep(wait)
					from = time.Now()
				}
				if err := l.one(ctx, l.ask.urls[rnd.IntN(len(l.ask.urls))]); err != nil {
					cancel(err)
					return
				}
				took[i] = append(took[i], time.Since(from))
			}
		})
	}
	wg.Wait()
	return slices.Concat(took...), context.Cause(ctx)
}

func (l *load) one(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if l.ask.view != "" {
		req.Header.Set("Authorization", "Bearer "+l.ask.run.token)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
		return fmt.Errorf("a read answers %d: %s", resp.StatusCode, why)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	l.done.Add(1)
	l.bytes.Add(n)
	return err
}
