package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
)

const (
	joinPartitions = 4
	joinChunk      = 3
	workerArg      = "worker"
)

// TestMain lets the test binary be a worker that can be killed. It ends when
// its standard input does, which is when the test does.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == workerArg {
		var o order
		if err := json.Unmarshal([]byte(os.Args[2]), &o); err != nil {
			panic(err)
		}
		cfg := (&cluster{brokers: o.Brokers, standby: true}).settings(o.Dir)
		cfg.Log = slog.New(slog.DiscardHandler)
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(3) }()
		e, err := engine.Open(cfg, visiting(joinPartitions, joinChunk).groups, &codecs.Memory{})
		if err != nil {
			panic(err)
		}
		panic(e.Run(context.Background()))
	}
	os.Exit(m.Run())
}

// order is what a worker of its own is told.
type order struct {
	Brokers []string
	Dir     string
}

// process starts a worker that is a process of its own.
func (c *cluster) process(dir string) (kill func()) {
	c.t.Helper()
	arg, err := json.Marshal(order{c.brokers, dir})
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], workerArg, string(arg))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
	})
	c.t.Cleanup(kill)
	return kill
}

// who is a row's key, and whether it is of synthetic events.
type who struct {
	key       string
	synthetic bool
}

// world is what the inputs say, in the order in which they lie.
type world struct {
	visits, places map[who]told
}

func (j joined) world(c *cluster) world {
	w := world{map[who]told{}, map[who]told{}}
	for i, topic := range []string{j.planned.Topic.Name, j.opened.Topic.Name} {
		for _, r := range c.read(topic, c.count(topic)) {
			var body told
			if err := json.Unmarshal(r.Value, &body); err != nil {
				c.t.Fatal(err)
			}
			[]map[who]told{w.visits, w.places}[i][who{body.Key, len(r.Headers) > 0}] = body
		}
	}
	return w
}

// wrong says what of the served rows is not what the inputs say. Each row is
// asked of the worker that has it.
func (w world) wrong(workers ...*engine.Engine) error {
	lists := map[who]map[string]uint32{}
	for v, body := range w.visits {
		says := w.places[who{body.Text, v.synthetic}].Text
		var row visit
		for _, e := range workers {
			if a, err := e.Get("visits", v.key, v.synthetic); err == nil {
				row = a.Row.(visit)
			}
		}
		if row.Place != body.Text || row.Seen != says || row.Known != (says != "") {
			return fmt.Errorf("%v is %+v, and %q says %q", v, row, body.Text, says)
		}
		at := who{body.Text, v.synthetic}
		if lists[at] == nil {
			lists[at] = map[string]uint32{}
		}
		lists[at][v.key] = body.N
	}
	for at := range w.places {
		if err := sameList(at, lists[at], workers); err != nil {
			return err
		}
	}
	return nil
}

// sameList pages through the visits of a place.
func sameList(at who, want map[string]uint32, workers []*engine.Engine) error {
	n, last := 0, uint32(0)
	for from := (&topology.Place{}); from != nil; {
		var page topology.Page
		var err error
		for _, e := range workers {
			if page, err = e.Under("visits-by-place", at.key, *from, 7, at.synthetic); err == nil {
				break
			}
		}
		if err != nil {
			return err
		}
		for _, a := range page.Rows {
			row := a.Row.(listed)
			if have, ok := want[row.Visit]; !ok || have != row.N || row.N < last || a.Key != at.key || a.ID != row.Visit {
				return fmt.Errorf("%v lists %+v as %s under %s", at, row, a.ID, a.Key)
			}
			n, last = n+1, row.N
		}
		from = page.Next
	}
	if n != len(want) {
		return fmt.Errorf("%v lists %d visits of %d", at, n, len(want))
	}
	return nil
}

// count is how many offsets of a topic are taken.
func (c *cluster) count(topic string) (n int) {
	c.t.Helper()
	ends, err := kadm.NewClient(c.client).ListEndOffsets(context.Background(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += int(max(0, o.Offset)) })
	return n
}

// settles waits for the rows to be what the inputs say.
func (w world) settles(t *testing.T, workers ...*engine.Engine) {
	t.Helper()
	var err error
	t.Cleanup(func() {
		if err != nil {
			t.Error(err)
		}
	})
	within(t, 90*time.Second, "the rows that follow from the inputs", func() bool { err = w.wrong(workers...); return err == nil })
}

// TestForeignJoinThroughAKill has two producers move visits from place to place
// and change what places say, in any order, with more visits at a place than
// are told at once, while one of two workers is killed and comes back.
func TestForeignJoinThroughAKill(t *testing.T) {
	c := newCluster(t)
	c.standby = true
	j := visiting(joinPartitions, joinChunk)
	c.create(j.topics()...)
	dir := t.TempDir()
	kill := c.process(dir)
	a, stopA := c.start(t.TempDir(), j.groups)
	eventually(t, "two workers that each have a half", func() bool {
		followed := 0
		for _, g := range a.Status().Groups {
			if g.State != "running" || g.Table == nil {
				return false
			}
			for _, p := range g.Table.Partitions {
				if p.Standby {
					followed++
				}
			}
		}
		return followed == len(j.groups)*joinPartitions/2
	})
	const each = 3000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var half, all sync.WaitGroup
	half.Add(2)
	for producer := range uint64(2) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, producer))
			for i := range each {
				if i == each/2 {
					half.Done()
				}
				c.produce(j.move(c, random, fmt.Sprintf("%d-%d", producer, i)))
			}
		})
	}
	half.Wait()
	kill()
	b, stopB := c.start(dir, j.groups)
	all.Wait()
	w := j.world(c)
	w.settles(t, a, b)
	stopA()
	w.settles(t, b) // what it has followed
	stopB()
	e, _ := c.start(t.TempDir(), j.groups)
	w.settles(t, e) // what the changelogs hold
	for _, g := range j.groups {
		for _, topic := range g.Topics() {
			if n := c.count(topic.DLQ().Name); n > 0 {
				t.Errorf("%d records of %s were parked", n, topic.Name)
			}
		}
	}
}

// move is one step of a visit or a place.
func (j joined) move(c *cluster, random *rand.Rand, text string) *kgo.Record {
	body := told{N: random.Uint32N(4), At: time.Now()}
	var r *kgo.Record
	if random.IntN(3) > 0 {
		body.Key, body.Text = fmt.Sprint("v", random.IntN(2+random.IntN(2)*38)), fmt.Sprint("p", random.IntN(3))
		r = record(c, j.planned, planned{body})
	} else {
		if body.Key, body.Text = fmt.Sprint("p", random.IntN(3)), text; random.IntN(3) == 0 {
			body.Text = ""
		}
		r = record(c, j.opened, opened{body})
	}
	if random.IntN(5) == 0 {
		r.Headers = []kgo.RecordHeader{{Key: topology.HeaderSynthetic, Value: []byte("true")}}
	}
	return r
}
