package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// readsRun is one comparison of reads with Redis.
type readsRun struct {
	payerflow string // program
	dir       string
	rows      int
	each      time.Duration

	demo, worker, redis, handler *serving
	token                        string
	broker, registry             string
	user, password               string   // of the broker's administrator
	flags, env                   []string // of those who join the demo
	cursors                      []string // places in the provider's list
	commits                      *commits
	update                       *updates
}

// claimReads and standingReads are what is read by key; listReads by page.
const (
	claimReads    = "claim-status"
	standingReads = "provider-standing"
	listReads     = "claims-by-provider"
	oneProvider   = "PRV-1"
	standings     = 10_000
	pageRows      = 100
)

// reads measures reads of views and of Redis, and prints the table.
func reads(ctx context.Context, args []string) {
	r := &readsRun{}
	f := flag.NewFlagSet("reads", flag.ExitOnError)
	f.StringVar(&r.payerflow, "payerflow", "bin/payerflow", "program")
	f.StringVar(&r.dir, "state", "", "folder for what the processes keep")
	f.IntVar(&r.rows, "rows", 200_000, "claims, all of one provider")
	seconds := f.Float64("seconds", 4, "length of each measurement")
	must(f.Parse(args))
	r.each = time.Duration(*seconds * float64(time.Second))
	err := r.run(ctx)
	for _, s := range []*serving{r.handler, r.redis, r.worker, r.demo} {
		s.stop()
	}
	must(err)
}

func (r *readsRun) run(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"broker, registry and two workers", r.startPayerflow},
		{fmt.Sprintf("%d claims, %d providers", r.rows, standings), r.publish},
		{"Redis and its handler", r.startRedis},
		{"the same rows to Redis", r.copyRows},
		{"partitions at rest", r.settle},
	} {
		from := time.Now()
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		note("%s: %.0f s", step.what, time.Since(from).Seconds())
	}
	return r.measure(ctx)
}

// measure runs every case and prints its line.
func (r *readsRun) measure(ctx context.Context) error {
	cases, err := r.cases()
	if err != nil {
		return err
	}
	idle := r.idle()
	defer func() { r.commits.close() }()
	fmt.Printf("| read | reads/s | CPU s per million | less idle | p50 ms | p99 ms | at reads/s | bytes |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range cases {
		if err := c.line(ctx, r.each, idle); err != nil {
			return err
		}
	}
	if cases, err = r.besides(ctx); err != nil {
		return err
	}
	for _, c := range cases {
		if err := c.line(ctx, r.each, idle); err != nil {
			return err
		}
	}
	load, _ := exec.Command("uptime").Output()
	fmt.Printf("\n%d claims, all of one provider; %d connections; idle, payerflow's processes use %.2f and Redis' %.2f CPU s a second. Load at the end: %s\n",
		r.rows, connections, idle[0], idle[1], strings.TrimSpace(string(load[max(0, bytes.Index(load, []byte("load"))):])))
	return nil
}

// line measures a case and prints its line. What servers do beside is not the
// reads' CPU.
func (c readCase) line(ctx context.Context, each time.Duration, idle [2]float64) error {
	m, err := c.measure(ctx, each)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	less := idle[0]
	if c.view == "" {
		less = idle[1]
	}
	cpu := fmt.Sprintf("%.0f | %.0f", m.cpu, m.cpu-less/m.peak*1e6)
	if c.beside != nil {
		cpu = " | "
	}
	fmt.Printf("| %s | %.0f | %s | %.2f | %.2f | %.0f | %d |\n", c.name, m.peak, cpu, ms(m.p50), ms(m.p99), m.rate, m.bytes)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// idle is what both sides use while nobody reads.
func (r *readsRun) idle() [2]float64 {
	const pause = 5 * time.Second
	ours, theirs := cpuOf(r.demo, r.worker), cpuOf(r.redis, r.handler)
	time.Sleep(pause)
	return [2]float64{(cpuOf(r.demo, r.worker) - ours) / pause.Seconds(), (cpuOf(r.redis, r.handler) - theirs) / pause.Seconds()}
}

// cases asks the second worker, which has no broker in its process, by key;
// and both for the list, whose partition either may have.
func (r *readsRun) cases() ([]readCase, error) {
	var out []readCase
	for _, v := range []struct {
		view     string
		key      func(int) string
		n, parts int
		says     string
	}{{standingReads, standingKey, standings, 6, "not audited"}, {claimReads, claimKey, r.rows, 12, "audited"}} {
		own, away, err := r.split(v.view, v.key, v.n, v.parts)
		if err != nil {
			return nil, err
		}
		out = append(out,
			readCase{name: v.view + " on the owner, " + v.says, urls: own, view: v.view, run: r, at: r.worker},
			readCase{name: v.view + " by a hop, " + v.says, urls: away, view: v.view, run: r, at: r.worker, hop: true},
			readCase{name: "Redis, the rows of " + v.view, urls: r.redisURLs(v.view, v.key, v.n), run: r})
	}
	at, other := r.worker, r.demo
	if hops, err := r.hopsFor(at, listReads, at.url+r.listPath("")); err != nil {
		return nil, err
	} else if hops {
		at, other = other, at
	}
	page := fmt.Sprintf("page of %d of %d, ", pageRows, r.rows)
	return append(out,
		readCase{name: page + "on the owner, audited", urls: r.pageURLs(at), view: listReads, run: r, at: at},
		readCase{name: page + "by a hop, audited", urls: r.pageURLs(other), view: listReads, run: r, at: other, hop: true},
		readCase{name: page + "Redis", urls: r.redisPages(), run: r}), nil
}
