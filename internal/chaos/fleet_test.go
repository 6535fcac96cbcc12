//go:build chaos

package chaos

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sys/unix"
)

// fleet is a number of worker processes on one broker.
type fleet struct {
	t       *testing.T
	dir     string
	brokers []string
	base    order // what every worker is told
	outside *receiver
	workers []*worker
	began   time.Time
}

// worker is one worker process after the other, on one data directory.
type worker struct {
	f    *fleet
	name string
	dir  string

	mu     sync.Mutex // held while something is done to it
	cmd    *exec.Cmd
	stdin  io.Closer
	exited chan struct{}
	err    error
	said   atomic.Value
	spared atomic.Bool // its end is not our doing
}

// embeddedRebalance is how long the embedded broker may wait for members. It
// miscounts those that join where one was killed while it waited for its
// assignment, and then waits for all of this.
const embeddedRebalance = 3 * time.Second

func newFleet(t *testing.T, brokers []string, n int) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: scratch(t), brokers: brokers, began: time.Now(), outside: receive(t)}
	f.base.Outside = f.outside.url
	if brokers[0] != kafkaOne[0] && brokers[0] != kafkaThree[0] {
		f.base.RebalanceIn = embeddedRebalance
	}
	for i := range n {
		name := fmt.Sprintf("w%d", i+1)
		f.workers = append(f.workers, &worker{f: f, name: name, dir: filepath.Join(f.dir, name)})
	}
	t.Cleanup(f.killAll)
	return f
}

// scratch is a directory that is kept when the test fails, or where KEEP is set.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "payerflow-chaos-")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() || os.Getenv("KEEP") != "" {
			t.Logf("kept: %s", dir)
		} else {
			_ = os.RemoveAll(dir)
		}
	})
	return dir
}

// embeddedBroker runs the embedded broker in a process of its own.
func embeddedBroker(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0], brokerArg, filepath.Join(scratch(t), "broker")) //nolint:gosec // ourselves
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return []string{strings.TrimSpace(line)}
}

func (f *fleet) say(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(f.began).Seconds(), fmt.Sprintf(format, a...))
}

// start runs the worker as its fleet says. mu is held, or nobody else knows it yet.
func (w *worker) start() {
	o := w.f.base
	o.Brokers, o.Dir = w.f.brokers, w.dir
	arg, err := json.Marshal(o)
	must(w.f.t, err)
	log, err := os.OpenFile(filepath.Join(w.f.dir, w.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(w.f.t, err)
	cmd := exec.Command(os.Args[0], workerArg, string(arg)) //nolint:gosec // ourselves
	cmd.Stderr = log
	w.stdin, err = cmd.StdinPipe()
	must(w.f.t, err)
	out, err := cmd.StdoutPipe()
	must(w.f.t, err)
	must(w.f.t, cmd.Start())
	exited := make(chan struct{})
	w.cmd, w.exited, w.err = cmd, exited, nil
	w.said.Store("")
	w.spared.Store(true)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			w.said.Store(lines.Text())
		}
		w.err = cmd.Wait()
		_ = log.Close()
		if w.spared.Load() {
			w.f.t.Errorf("%s ended by itself: %v", w.name, w.err)
		}
		close(exited)
	}()
}

// signal sends a signal. It is no end of its own accord that follows.
func (w *worker) signal(s unix.Signal) {
	w.spared.Store(false)
	_ = w.cmd.Process.Signal(s) // it may be gone already
}

// kill is kill -9, and waits for the end.
func (w *worker) kill() {
	w.signal(unix.SIGKILL)
	<-w.exited
}

// stopGrace is how long a worker may take to end after SIGTERM.
const stopGrace = 10 * time.Second

// stop is SIGTERM: the worker commits, leaves and exits 0.
func (w *worker) stop() {
	asked := time.Now()
	w.signal(unix.SIGTERM)
	select {
	case <-w.exited:
		if w.err != nil {
			w.f.t.Errorf("%s after SIGTERM: %v", w.name, w.err)
		}
	case <-time.After(stopGrace):
		w.f.t.Errorf("%s does not end within %v of SIGTERM", w.name, stopGrace)
		w.signal(unix.SIGQUIT) // its goroutines, into its log
		<-w.exited
	}
	w.f.say("%s stopped, took %.1f s", w.name, time.Since(asked).Seconds())
}

// up waits until a worker that was started takes signals.
func (w *worker) up() {
	eventually(w.f.t, 20*time.Second, w.name+" has started", func() bool { return w.said.Load() != "" || !w.alive() })
}

func (w *worker) alive() bool {
	if w.cmd == nil {
		return false
	}
	select {
	case <-w.exited:
		return false
	default:
		return true
	}
}

func (f *fleet) startAll() {
	for _, w := range f.workers {
		w.mu.Lock()
		if !w.alive() {
			w.start()
		}
		w.mu.Unlock()
	}
}

func (f *fleet) awaitReady(within time.Duration) {
	f.t.Helper()
	deadline := time.Now().Add(within)
	eventually(f.t, within+time.Second, "all workers are ready", func() bool {
		for _, w := range f.workers {
			if w.said.Load() != ready {
				if time.Now().After(deadline) {
					f.groupStates()
					f.t.Fatalf("%s is not ready within %v", w.name, within)
				}
				return false
			}
		}
		return true
	})
}

// groupStates says what the coordinator thinks of the groups.
func (f *fleet) groupStates() {
	client, err := kgo.NewClient(kgo.SeedBrokers(f.brokers...))
	must(f.t, err)
	defer client.Close()
	all, err := kadm.NewClient(client).DescribeGroups(f.t.Context())
	if err != nil {
		f.say("groups: %v", err)
	}
	for _, g := range all.Sorted() {
		f.say("group %s: %s, %d members", g.Group, g.State, len(g.Members))
	}
}

func (f *fleet) stopAll() {
	var wg sync.WaitGroup
	for _, w := range f.workers {
		wg.Go(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.alive() {
				w.stop()
			}
		})
	}
	wg.Wait()
}

func (f *fleet) killAll() {
	for _, w := range f.workers {
		if w.alive() {
			w.signal(unix.SIGCONT)
			w.kill()
		}
	}
}

// served are the rows that the workers answer with, all together.
func (f *fleet) served() map[string]map[string]int {
	f.t.Helper()
	all := map[string]map[string]int{}
	for _, w := range f.workers {
		w.said.Store("")
		must(f.t, w.cmd.Process.Signal(unix.SIGUSR2))
	}
	for _, w := range f.workers {
		eventually(f.t, 20*time.Second, w.name+" writes its rows", func() bool { return w.said.Load() == dumped })
		b, err := os.ReadFile(filepath.Join(w.dir, rowsFile))
		must(f.t, err)
		var rows map[string]map[string]int
		must(f.t, json.Unmarshal(b, &rows))
		for _, account := range slices.Sorted(maps.Keys(rows)) {
			if all[account] != nil {
				f.t.Errorf("%s is served by two workers", account)
			}
			all[account] = rows[account]
		}
	}
	return all
}

// driver writes inputs at a steady rate until it is stopped.
type driver struct {
	source      *source
	cancel      context.CancelFunc
	done        chan struct{}
	acked       atomic.Int64
	failed      atomic.Pointer[error]
	first, last atomic.Int64 // when the first and the newest were acknowledged, unix nanoseconds
}

const (
	driveEvery = 20 * time.Millisecond
	driveBurst = 6
)

// drive makes an account of every name known before the first posting.
func drive(t *testing.T, brokers []string, settings map[string]string) *driver {
	t.Helper()
	s, err := newSource(brokers)
	must(t, err)
	t.Cleanup(s.client.Close)
	eventually(t, 30*time.Second, "topics", func() bool { return s.createTopics(t.Context(), settings) == nil })
	eventually(t, 30*time.Second, "every broker knows the topics", func() bool { return s.known(t.Context()) })
	must(t, s.client.ProduceSync(t.Context(), change(0, houseKey)).FirstErr())
	return &driver{source: s, done: make(chan struct{})}
}

// start writes to n accounts.
func (d *driver) start(n int) {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	go func() {
		defer close(d.done)
		tick := time.NewTicker(driveEvery)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for j := range driveBurst {
				d.send(d.source.fact(fmt.Sprintf("account-%d", (i*driveBurst+j)*7919%n)))
			}
			if i%5 == 0 {
				d.send(change(i, fmt.Sprintf("account-%d", i%n)))
			}
		}
	}()
}

func (d *driver) send(r *kgo.Record) {
	d.source.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			d.failed.CompareAndSwap(nil, &err)
			return
		}
		now := time.Now().UnixNano()
		d.first.CompareAndSwap(0, now)
		d.last.Store(now)
		d.acked.Add(1)
	})
}

// stop ends the writing, and fails the test where an input was lost.
func (d *driver) stop(t *testing.T) {
	t.Helper()
	d.cancel()
	<-d.done
	must(t, d.source.client.Flush(t.Context()))
	if err := d.failed.Load(); err != nil {
		t.Fatalf("void: an input was not written: %v", *err)
	}
}

// known says whether brokers answer for every topic; they hear of new ones a
// moment after the controller has made them.
func (s *source) known(ctx context.Context) bool {
	have, err := kadm.NewClient(s.client).ListTopics(ctx)
	for _, t := range topics() {
		if err != nil || !have.Has(t.Name) || have[t.Name].Err != nil {
			return false
		}
	}
	return true
}

// eventually polls a condition that other goroutines or processes bring about.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", within, what)
		case <-tick.C:
		}
	}
}
