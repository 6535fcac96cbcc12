package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// watchRun is one measurement of watches: the demo and a worker, whose rows a
// process of its own watches, while this one updates claims and reads what is
// committed.
type watchRun struct {
	readsRun
	watchers, http1 int
	claims, rate    int // of each phase; updates a second
	each            time.Duration
	readers         *audience
}

// watch measures updates that nobody watches, those beside rows that many watch,
// and those of such rows; and holds what was told to what was committed.
func watch(ctx context.Context, args []string) {
	r := &watchRun{}
	f := flag.NewFlagSet("watch", flag.ExitOnError)
	f.StringVar(&r.payerflow, "payerflow", "bin/payerflow", "program")
	f.StringVar(&r.dir, "state", "", "folder for what the processes keep")
	f.IntVar(&r.watchers, "watchers", 10_000, "all on one node")
	f.IntVar(&r.http1, "http1", 1000, "of these, over HTTP/1.1")
	f.IntVar(&r.claims, "claims", 1000, "that are updated in turn")
	f.IntVar(&r.rate, "rate", 1000, "updates a second")
	seconds := f.Float64("seconds", 10, "length of each measurement")
	must(f.Parse(args))
	r.each, r.rows = time.Duration(*seconds*float64(time.Second)), 3*r.claims
	err := r.run(ctx)
	r.readers.stop()
	for _, s := range []*serving{r.worker, r.demo} {
		s.stop()
	}
	must(err)
}

// prepare starts the servers and makes the claims.
func (r *watchRun) prepare(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"broker, registry and two workers", r.startPayerflow},
		{fmt.Sprintf("%d claims", r.rows), r.publish},
		{"partitions at rest", r.settle},
		{"who reads what is committed", r.followCommits},
	} {
		from := time.Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		note("%s: %.0f s", step.what, time.Since(from).Seconds())
	}
	return nil
}

func (r *watchRun) run(ctx context.Context) (err error) {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	defer r.commits.close()
	idle := r.cpu()
	time.Sleep(5 * time.Second)
	idle = (r.cpu() - idle) / 5
	fmt.Printf("| updates | updates/s | states | CPU s per million | less idle | from commit to event p50 ms | p99 ms | told |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	if err := r.phase(ctx, "nobody watches", 0, idle); err != nil {
		return err
	}
	from, before := time.Now(), rss(r.worker)
	if r.readers, err = openReaders(ctx, r); err != nil {
		return err
	}
	note("%d watches opened: %.0f s", r.watchers, time.Since(from).Seconds())
	memory := float64(rss(r.worker)-before) / float64(r.watchers) / 1024
	if err := r.phase(ctx, fmt.Sprintf("%d watch other rows", r.watchers), r.claims, idle); err != nil {
		return err
	}
	if err := r.phase(ctx, fmt.Sprintf("%d watch these, %d each", r.watchers, r.watchers/r.claims), 2*r.claims, idle); err != nil {
		return err
	}
	load, _ := exec.Command("uptime").Output()
	_, at, _ := strings.Cut(strings.TrimSpace(string(load)), "load")
	fmt.Printf("\n%d of the watches over HTTP/1.1, %.0f kB of the worker's memory each; idle, the servers use %.2f CPU s a second. Load at the end: load%s\n", r.http1, memory, idle, at)
	return r.readers.verify(r.commits)
}

func (r *watchRun) cpu() float64 { return cpuOf(r.demo, r.worker) }

// phase updates claims at the rate, waits until all is committed, and prints its
// line.
func (r *watchRun) phase(ctx context.Context, name string, first int, idle float64) error {
	told := r.readers.count()
	before, cpu, from := r.commits.count(), r.cpu(), time.Now()
	n, err := r.update.run(ctx, first, r.claims, r.rate, r.each)
	if err != nil {
		return err
	}
	after, last, err := r.commits.rest(ctx, from) // what is on its way to watchers has come
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	cpu = r.cpu() - cpu - idle*time.Since(last).Seconds()
	took := last.Sub(from).Seconds()
	took50, took99 := "", ""
	if late := r.readers.late(r.commits, from); len(late) > 0 {
		slices.Sort(late)
		took50, took99 = fmt.Sprintf("%.1f", ms(late[len(late)/2])), fmt.Sprintf("%.1f", ms(late[len(late)*99/100]))
	}
	fmt.Printf("| %s | %.0f | %d | %.0f | %.0f | %s | %s | %d |\n", name, float64(n)/took, after-before, cpu/float64(n)*1e6, (cpu-idle*took)/float64(n)*1e6, took50, took99, r.readers.count()-told)
	return nil
}

// rss is what a process has in memory, in bytes.
func rss(s *serving) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	must(err)
	var all, resident int
	_, err = fmt.Sscan(string(b), &all, &resident)
	must(err)
	return resident * os.Getpagesize()
}
