package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// stormFor bounds the whole run.
	stormFor = 8 * time.Minute
	// stormFiles is the limit on open files that the servers start with.
	stormFiles = 3072
	// stormFrom is how many addresses of loopback attempts come from.
	stormFrom = 8
	// stormWait bounds one attempt.
	stormWait = 20 * time.Second
)

// floods has a process try to open many more watches than a worker may
// have, while another process watches rows that are updated: it ends with an
// error where one of these was told too little, or an attempt ended in another
// way than it may.
func floods(ctx context.Context, args []string) {
	r := &watchRun{watchers: 500, http1: 250, claims: 100, rate: 50}
	f := flag.NewFlagSet("connections", flag.ExitOnError)
	program := f.String("payerflow", "bin/payerflow", "program")
	f.StringVar(&r.dir, "state", "", "folder for what the processes keep")
	attempts := f.Int("attempts", 50_000, "in all")
	wave := f.Int("wave", 4000, "of these at a time")
	must(f.Parse(args))
	ctx, cancel := context.WithTimeout(ctx, stormFor)
	defer cancel()
	r.rows, r.payerflow = 3*r.claims, filepath.Join(r.dir, "limited")
	must(os.WriteFile(r.payerflow, fmt.Appendf(nil, "#!/bin/sh\nulimit -n %d\nexec '%s' \"$@\"\n", stormFiles, *program), 0o700))
	err := r.prepare(ctx)
	if err == nil {
		err = r.storm(ctx, *attempts, *wave)
	}
	r.readers.stop()
	for _, s := range []*serving{r.worker, r.demo} {
		s.stop()
	}
	must(err)
}

func (r *watchRun) storm(ctx context.Context, attempts, wave int) (err error) {
	defer r.commits.close()
	if r.readers, err = openReaders(ctx, r); err != nil {
		return err
	}
	calm, stop := context.WithCancel(ctx)
	updates := make(chan error, 1)
	go func() {
		for calm.Err() == nil {
			if _, err := r.update.run(ctx, r.readers.first, r.claims, r.rate, time.Second); err != nil {
				updates <- err
				return
			}
		}
		updates <- nil
	}()
	self, err := os.Executable()
	if err != nil {
		stop()
		return err
	}
	from := time.Now()
	c := exec.CommandContext(ctx, self, "storm", r.worker.url, strconv.Itoa(attempts), strconv.Itoa(wave), claimKey(0))
	c.Env, c.Stdout, c.Stderr = append(os.Environ(), "TOKEN="+r.token), os.Stdout, os.Stderr
	stormed := c.Run()
	stop()
	if err := errors.Join(stormed, <-updates); err != nil {
		return err
	}
	if _, _, err := r.commits.rest(ctx, from); err != nil {
		return err
	}
	if err := r.readers.verify(r.commits); err != nil {
		return err
	}
	if r.readers.cuts > 0 {
		return fmt.Errorf("%d watches that were open were cut", r.readers.cuts)
	}
	resp, err := http.Get(r.worker.url + "/livez")
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("nobody gets in afterwards: %w", err)
	}
	return resp.Body.Close()
}

// ends counts how attempts ended.
type ends struct{ open, refused, closed, other atomic.Int64 }

// beStorm tries in waves: URL ATTEMPTS WAVE KEY. What is let in stays open until
// its wave ends.
func beStorm(ctx context.Context, args []string) error {
	attempts, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	wave, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	request := "GET /v1/views/" + claimReads + "/" + args[3] + " HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer " + os.Getenv("TOKEN") + "\r\n\r\n"
	var all ends
	from := time.Now()
	for done := 0; done < attempts && ctx.Err() == nil; done += wave {
		stormWave(ctx, strings.TrimPrefix(args[0], "http://"), request, min(wave, attempts-done), &all)
	}
	fmt.Printf("%d attempts in %.0f s, %d at a time, from %d addresses: %d were let in, %d answered 503, %d closed without an answer, %d ended otherwise.\n",
		attempts, time.Since(from).Seconds(), wave, stormFrom, all.open.Load(), all.refused.Load(), all.closed.Load(), all.other.Load())
	if all.other.Load() > 0 || all.refused.Load()+all.closed.Load() == 0 {
		return errors.New("attempts end as they may not, or the bound was not reached")
	}
	return nil
}

func stormWave(ctx context.Context, addr, request string, n int, all *ends) {
	var held sync.Map
	var wg sync.WaitGroup
	gate := make(chan struct{}, 256)
	for i := range n {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%stormFrom))}, Timeout: stormWait}
			c, err := d.DialContext(ctx, "tcp", addr)
			if err == nil {
				held.Store(c, nil)
				err = attempt(c, request, all)
			}
			if err != nil && all.other.Add(1) <= 5 {
				fmt.Fprintln(os.Stderr, "an attempt:", err)
			}
		})
	}
	wg.Wait()
	held.Range(func(c, _ any) bool {
		_ = c.(net.Conn).Close() // it may be closed already
		return true
	})
}

// attempt asks for a watch, and notes what comes of it; an error is an end that
// may not be.
func attempt(c net.Conn, request string, all *ends) error {
	if err := c.SetDeadline(time.Now().Add(stormWait)); err != nil {
		return err
	}
	_, _ = io.WriteString(c, request) // it shows below
	line, err := bufio.NewReader(c).ReadString('\n')
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		all.closed.Add(1)
	case err != nil:
		return err
	case strings.HasPrefix(line, "HTTP/1.1 200 "):
		all.open.Add(1)
	case strings.HasPrefix(line, "HTTP/1.1 503 "):
		all.refused.Add(1)
	default:
		return fmt.Errorf("is answered %q", line)
	}
	return nil
}
