//go:build chaos

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/topologies"
)

const (
	fleetWorkers, fleetReplicas = 3, 2
	fleetClaims                 = 24
	fleetSession                = 6 * time.Second
	fleetRound                  = 800 * time.Millisecond
)

// node is one process after the other, on one data directory.
type node struct {
	name  string
	dir   string
	start func(t *testing.T, dir string) (*process, string)
	p     *process
	host  atomic.Value // where it listens now, or did last
}

func (n *node) up(t *testing.T) {
	p, base := n.start(t, n.dir)
	n.p = p
	n.host.Store(strings.TrimPrefix(base, "http://"))
}

func (n *node) awaitReady(t *testing.T) {
	t.Helper()
	var said struct{ Missing []string }
	defer func() {
		if t.Failed() {
			t.Logf("%s lacks %q", n.name, said.Missing)
		}
	}()
	within(t, 2*time.Minute, n.name+" is ready", func() bool {
		return get(t, "http://"+n.host.Load().(string)+"/readyz", &said) == http.StatusOK
	})
}

// fleet is workers and replicas; as a RoundTripper, a load balancer that knows
// of nobody's health.
type fleet struct {
	nodes []*node
	sent  atomic.Int64 // rounds that were begun
}

func newFleet(t *testing.T, tg target) *fleet {
	f := &fleet{}
	for i := range fleetWorkers + fleetReplicas {
		n := &node{name: fmt.Sprintf("worker %d", i+1), dir: t.TempDir(), start: tg.worker}
		if i >= fleetWorkers {
			n.name, n.start = fmt.Sprintf("replica %d", i-fleetWorkers+1), func(t *testing.T, dir string) (*process, string) { return tg.replica(t, dir) }
		}
		n.up(t)
		f.nodes = append(f.nodes, n)
	}
	f.awaitReady(t)
	return f
}

func (f *fleet) awaitReady(t *testing.T) {
	for _, n := range f.nodes {
		n.awaitReady(t)
	}
}

// RoundTrip sends a request to any node.
func (f *fleet) RoundTrip(req *http.Request) (*http.Response, error) {
	return f.send(req, http.DefaultTransport)
}

func (f *fleet) send(req *http.Request, by http.RoundTripper) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Host = f.nodes[rand.IntN(len(f.nodes))].host.Load().(string) //nolint:gosec // any will do
	return by.RoundTrip(req)
}

// TestFleetIsRead has a writer, readers and watchers at any of three workers
// and two replicas, while these are restarted one after the other, then killed,
// stopped and ended by a schedule that SEED repeats, for DURATION.
func TestFleetIsRead(t *testing.T) {
	t.Setenv("PAYERFLOW_ENGINE_SESSION_TIMEOUT", fleetSession.String())
	seed, faults := uint64(time.Now().UnixNano()%1e6), time.Minute
	if s := os.Getenv("SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if d := os.Getenv("DURATION"); d != "" {
		var err error
		if faults, err = time.ParseDuration(d); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SEED=%d DURATION=%v", seed, faults)
	blows := fleetPlan(seed, faults)
	for _, b := range blows {
		t.Logf("plan %s", b)
	}
	tg := servers(t)
	f := newFleet(t, tg)
	watchers := f.watchAll(t, tg)
	odd := f.watchOddly(t, tg)
	over := make(chan struct{})
	var writing, reading sync.WaitGroup
	var once sync.Once
	end := func() { once.Do(func() { close(over) }); writing.Wait(); reading.Wait() }
	t.Cleanup(end)
	quiet := make(chan struct{})
	writing.Go(func() { f.write(t, tg, quiet, over) })
	readers := f.readAll(t, tg, &reading, over)
	within(t, time.Minute, "rows", func() bool { return f.sent.Load() >= 3 })

	began := time.Now()
	f.rollingRestart(t)
	t.Logf("rolling restart of all took %.1f s; %s", time.Since(began).Seconds(), without(readers, began))
	began = time.Now()
	f.sitOut(t, tg, watchers)
	t.Logf("beside clients that take nothing; %s", without(readers, began))
	f.oneByOne(t, readers)
	began = time.Now()
	f.strike(t, blows)
	t.Logf("kills and stops; %s", without(readers, began))
	f.awaitReady(t)
	odd.mend(t)
	close(quiet)
	writing.Wait()
	f.equal(t, tg)
	end()
	f.told(t, tg, append(watchers, odd.watches...))
	f.readSomething(t, readers)
}

// write gives each claim one more fact a round.
func (f *fleet) write(t *testing.T, tg target, quiet, over <-chan struct{}) {
	producer := tg.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	topic, _ := topologies.TopicOf("claims.claim.submitted")
	tick := time.NewTicker(fleetRound)
	defer tick.Stop()
	for {
		select {
		case <-quiet:
			return
		case <-over:
			return
		case <-tick.C:
		}
		round := int(f.sent.Add(1))
		var rs []*kgo.Record
		for n := range fleetClaims {
			key := fleetClaim(n)
			rs = append(rs, &kgo.Record{Topic: topic.Name, Partition: topology.Partition([]byte(key), topic.Partitions), Key: []byte(key),
				Value: submittedValue(t, tg, key, factAt(round)), Timestamp: time.Now()})
		}
		if err := producer.ProduceSync(ctx(t, time.Minute), rs...).FirstErr(); err != nil {
			t.Error(err)
			return
		}
	}
}

func fleetClaim(n int) string { return fmt.Sprintf("CLM-FLEET-%02d", n) }

// factAt is when a claim's nth fact happened.
func factAt(n int) time.Time { return time.Date(2026, 1, 2, 0, 0, n, 0, time.UTC) }

func (f *fleet) rollingRestart(t *testing.T) {
	for _, n := range f.nodes {
		n.suffers(t, fleetTerm)
		n.up(t)
		n.awaitReady(t)
	}
}

// strike carries a plan out. What is late stays in its order.
func (f *fleet) strike(t *testing.T, blows []fleetBlow) {
	began := time.Now()
	for _, b := range blows {
		<-time.After(b.at - time.Since(began))
		n := f.nodes[b.on]
		select {
		case <-n.p.done:
			if b.does != fleetStart {
				t.Fatalf("%s ended by itself: %v\n%s", n.name, n.p.err, n.p.output())
			}
		default:
		}
		n.suffers(t, b.does)
	}
}

func (n *node) suffers(t *testing.T, does fleetDeed) {
	switch does {
	case fleetTerm:
		_ = n.p.cmd.Process.Signal(syscall.SIGTERM)
		within(t, 10*time.Second, n.name+" ends", func() bool {
			select {
			case <-n.p.done:
				return true
			default:
				return false
			}
		})
		if n.p.err != nil {
			t.Fatalf("SIGTERM: %v\n%s", n.p.err, n.p.output())
		}
	case fleetKill:
		n.p.kill()
	case fleetStop:
		_ = n.p.cmd.Process.Signal(syscall.SIGSTOP)
	case fleetGoOn:
		_ = n.p.cmd.Process.Signal(syscall.SIGCONT)
	case fleetStart:
		n.up(t)
	}
}
