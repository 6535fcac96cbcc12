//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"golang.org/x/sys/unix"
)

const (
	workers       = 3
	accountsCount = 1000
	defaultFaults = 150 * time.Second
)

// settings of compacted topics, so that they are compacted while they are read.
var compactOften = map[string]string{"segment.ms": "5000", "min.cleanable.dirty.ratio": "0.01"}

// TestWorkersAreKilled is make chaos and make chaos-kafka: a random schedule of
// faults, repeatable by SEED, for DURATION.
func TestWorkersAreKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano() % 1e6)
	if s := os.Getenv("SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		must(t, err)
	}
	within := defaultFaults
	if d := os.Getenv("DURATION"); d != "" {
		var err error
		within, err = time.ParseDuration(d)
		must(t, err)
	}
	brokers, nodes := brokersOf(t)
	blows := plan(seed, within, workers, nodes != nil)
	f := newFleet(t, brokers, workers)
	f.say("SEED=%d DURATION=%v", seed, within)
	for _, b := range blows {
		f.say("plan %s", b)
	}
	d := drive(t, brokers, compactOften)
	c, err := newChecker(brokers, f.outside)
	must(t, err)
	t.Cleanup(c.client.Close)
	f.startAll()
	f.awaitReady(60 * time.Second)
	d.start(max(accountsCount, int(within/time.Minute)*accountsCount))

	f.began = time.Now()
	watch := f.watch(c, d)
	before := f.strike(blows, nodes, d)
	d.stop(t)
	watch()
	if before == 0 || d.acked.Load() <= before {
		t.Fatalf("void: %d inputs written before the first fault, %d in all", before, d.acked.Load())
	}
	f.say("%d faults are over; %d inputs, %d of them before the first", len(blows), d.acked.Load(), before)
	f.startAll()
	f.awaitReady(90 * time.Second)
	f.say("all workers are ready")
	exact(t, c, 60*time.Second)
	var wrong []string
	c.compare("served rows", f.served(), c.want(), func(kind, format string, a ...any) { wrong = append(wrong, kind) })
	if len(wrong) > 0 {
		t.Errorf("%d faults in served rows, e.g. %s", len(wrong), wrong[0])
	}
	f.stopAll()
	closed(t, c)
	exact(t, c, 10*time.Second)
	if os.Getenv("CHAOS_KAFKA") != "" {
		f.compacted(c)
	}
	f.causes()
	f.tookOver()
	f.say("exact: %d inputs, each applied once, in the table, the view, the receipts and the served rows", len(c.inputs))
	f.say("effects: %d done, %d of them more than once; %d parked", len(f.outside.taken), again(f.outside.taken), len(c.parked))
}

// strike carries the plan out, and returns how many inputs were written before
// the first blow.
func (f *fleet) strike(blows []blow, nodes *nodes, d *driver) (before int64) {
	var wg sync.WaitGroup
	for i, b := range blows {
		<-time.After(b.at - time.Since(f.began))
		if i == 0 {
			before = d.acked.Load()
		}
		wg.Go(func() {
			if b.kind == brokerDown || b.kind == twoDown {
				nodes.strike(f, b)
			} else {
				f.workers[b.on].strike(b)
			}
		})
	}
	wg.Wait()
	return before
}

// halfWithin is how long a worker gets to commit a batch and die of it.
const halfWithin = 5 * time.Second

func (w *worker) strike(b blow) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.alive() { // it has ended by itself, which has failed the test
		w.start()
	}
	w.up()
	w.f.say("%s: %s", w.name, b.kind)
	switch b.kind {
	case zombie:
		w.signal(unix.SIGSTOP)
		<-time.After(b.away)
		w.spared.Store(true)
		_ = w.cmd.Process.Signal(unix.SIGCONT)
		return
	case halfCommit:
		w.signal(unix.SIGUSR1)
		select {
		case <-w.exited:
		case <-time.After(halfWithin):
			w.f.say("%s has committed nothing in %v", w.name, halfWithin)
			w.kill()
		}
	case sigterm:
		w.stop()
	default:
		w.kill()
	}
	<-time.After(b.away)
	w.start()
}

// watch shows how far things are, until the returned function is called.
func (f *fleet) watch(c *checker, d *driver) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := c.catchUp(ctx)
			note := ""
			if err != nil && ctx.Err() == nil {
				note = "; " + err.Error()
			}
			f.say("%d inputs, %d applied%s", d.acked.Load(), len(c.receipts), note)
		}
	}()
	return func() { cancel(); <-done }
}

// closed fails where a transaction is open although all workers have stopped.
func closed(t *testing.T, c *checker) {
	t.Helper()
	admin := kadm.NewClient(c.client)
	eventually(t, transactionTimeout+10*time.Second, "no transaction is open", func() bool {
		ends, err := admin.ListEndOffsets(t.Context(), checked...)
		stable, err2 := admin.ListCommittedOffsets(t.Context(), checked...)
		if err != nil || err2 != nil {
			return false
		}
		same := true
		ends.Each(func(o kadm.ListedOffset) {
			s, ok := stable.Lookup(o.Topic, o.Partition)
			same = same && ok && s.Offset == o.Offset
		})
		return same
	})
}

// compacted says how much of the changelog is left: a second reading finds less
// than there was.
func (f *fleet) compacted(was *checker) {
	again, err := newChecker(f.brokers, f.outside)
	must(f.t, err)
	defer again.client.Close()
	exact(f.t, again, 60*time.Second)
	f.say("the changelog had %d records, compaction has left %d", was.rows, again.rows)
	if again.rows >= was.rows {
		f.t.Error("void: the changelog was not compacted")
	}
}

// causes shows why processors were rebuilt, from the workers' logs.
func (f *fleet) causes() {
	counts := map[string]int{}
	for _, w := range f.workers {
		b, err := os.ReadFile(f.dir + "/" + w.name + ".log")
		must(f.t, err)
		for line := range strings.Lines(string(b)) {
			if _, rest, ok := strings.Cut(line, `rebuilt" group=`); ok {
				_, why, _ := strings.Cut(rest, "error=")
				why, _, _ = strings.Cut(why, " in=")
				counts[why]++
			}
		}
	}
	for why := range maps.Keys(counts) {
		f.say("rebuilt %d times: %s", counts[why], why)
	}
}

// again counts ids that were there more than once.
func again(times map[string]int) (n int) {
	for _, k := range times {
		if k > 1 {
			n++
		}
	}
	return n
}

// tookOver says how often a worker went on with a partition whose rows it had
// kept as a standby, all but the newest hundredth. Never makes the run void.
func (f *fleet) tookOver() {
	n, all := 0, 0
	for _, w := range f.workers {
		b, err := os.ReadFile(f.dir + "/" + w.name + ".log")
		must(f.t, err)
		for line := range strings.Lines(string(b)) {
			rest, found := strings.CutPrefix(line, tookOver)
			if !found {
				continue
			}
			var partition int32
			var followed, now int64
			_, err := fmt.Sscan(rest, &partition, &followed, &now)
			must(f.t, err)
			if all++; followed > 0 && now-followed <= now/100 {
				n++
			}
		}
	}
	f.say("%d times a standby took its partition over, %d times with all but a hundredth of the rows' changelog", all, n)
	if n == 0 {
		f.t.Error("void: no standby had followed the partition that its worker took over")
	}
}
