package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// beside is what the servers do while they are read; stop ends it, and tells
// what went wrong.
type beside func(ctx context.Context) (stop func() error, err error)

// besides are reads while claims come in at half of the rate at which they can,
// and while a replica restores all tables, again and again.
func (r *readsRun) besides(ctx context.Context) (out []readCase, err error) {
	peak, err := r.ingestPeak(ctx)
	if err != nil {
		return nil, err
	}
	own, away, err := r.split(standingReads, standingKey, standings, 6)
	if err != nil {
		return nil, err
	}
	for _, b := range []struct {
		name string
		do   beside
	}{
		{fmt.Sprintf("while %.0f claims a second come in, of %.0f that can", peak/2, peak), r.ingests(int(peak / 2))},
		{"while a replica restores", r.restores},
	} {
		out = append(out,
			readCase{name: standingReads + " on the owner, " + b.name, urls: own, view: standingReads, run: r, at: r.worker, beside: b.do},
			readCase{name: standingReads + " by a hop, " + b.name, urls: away, view: standingReads, run: r, at: r.worker, hop: true, beside: b.do})
	}
	return out, nil
}

// ingestPeak is how many claims a second become rows when they come as fast as
// they may.
func (r *readsRun) ingestPeak(ctx context.Context) (float64, error) {
	if err := r.followCommits(ctx); err != nil {
		return 0, err
	}
	n, from := min(r.rows, 20_000), time.Now()
	if _, err := r.update.run(ctx, r.rows, n, 1_000_000, time.Duration(n)*time.Microsecond); err != nil {
		return 0, err
	}
	_, last, err := r.commits.rest(ctx, from)
	return float64(n) / last.Sub(from).Seconds(), err
}

func (r *readsRun) ingests(rate int) beside {
	return func(ctx context.Context) (func() error, error) {
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() {
			for from := 2 * r.rows; ; from += rate {
				if _, err := r.update.run(context.WithoutCancel(ctx), from, rate, rate, time.Second); err != nil || ctx.Err() != nil {
					done <- err
					return
				}
			}
		}()
		return func() error { cancel(); return <-done }, nil
	}
}

// restores has a replica with an empty folder start until it is ready, and again.
func (r *readsRun) restores(ctx context.Context) (func() error, error) {
	ctx, cancel := context.WithCancel(ctx)
	dir := filepath.Join(r.dir, "replica")
	var failed error
	times := 0
	var wg sync.WaitGroup
	wg.Go(func() {
		for ; ctx.Err() == nil && failed == nil; times++ {
			failed = r.restore(ctx, dir)
		}
	})
	return func() error {
		cancel()
		wg.Wait()
		note("%d restores", times)
		return failed
	}, nil
}

func (r *readsRun) restore(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	s, at, err := serve(r.dir, "replica", r.env, `replica starts.* http=(\S+)`,
		append([]string{r.payerflow, "views", "--data-dir", dir, "--http-addr", "127.0.0.1:0"}, r.flags...)...)
	if err != nil {
		return err
	}
	defer s.stop()
	for ready := false; !ready && ctx.Err() == nil; {
		resp, err := http.Get("http://" + at + "/readyz")
		if err != nil {
			return err
		}
		ready = resp.StatusCode == http.StatusOK
		_ = resp.Body.Close() // its status is all
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}
