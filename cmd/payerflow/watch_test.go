package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/client"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// told is what a watch of a claim told: how many facts the row had each time.
type told struct {
	mu     sync.Mutex
	facts  []int
	resume string
	resets int
	err    error
	stop   func()
}

func watchClaim(t *testing.T, c *client.Client, claim, resume string, facts []int) *told {
	ctx, cancel := context.WithCancel(context.Background())
	w, done := &told{resume: resume, facts: facts}, make(chan struct{})
	w.stop = func() { cancel(); <-done }
	t.Cleanup(w.stop)
	go func() {
		defer close(done)
		for ch, err := range client.Watch[struct{ History []struct{} }](ctx, c, "claim-status", claim, resume, client.Ask{}) {
			w.mu.Lock()
			switch {
			case err != nil:
				w.err = err
			case ch.Kind == client.Put:
				w.facts = append(w.facts, len(ch.Row.Value.History))
			case ch.Kind == client.Reset:
				w.resets++
			}
			if ch.Resume != "" {
				w.resume = ch.Resume
			}
			w.mu.Unlock()
		}
	}()
	return w
}

func (w *told) all() (facts []int, resume string, resets int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.facts), w.resume, w.resets, w.err
}

// TestWatchesOutliveKills watches claims through one worker of three while the
// others are killed, replaced and stopped, then through another one: each state
// that the changelog has is told once, in order.
func TestWatchesOutliveKills(t *testing.T) {
	t.Setenv("PAYERFLOW_ENGINE_SESSION_TIMEOUT", "6s")
	tg := servers(t)
	door, base := tg.worker(t, t.TempDir())
	killed, _ := tg.worker(t, t.TempDir())
	stopped, other := tg.worker(t, t.TempDir())
	producer := tg.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	topic, _ := topologies.TopicOf("claims.claim.submitted")
	const rounds, claims = 40, 24
	name := func(n int) string { return fmt.Sprintf("CLM-W-%02d", n) }
	send := func(round int) {
		var rs []*kgo.Record
		for n := range claims {
			at := time.Date(2026, 1, 2, 0, 0, round, n, time.UTC)
			rs = append(rs, &kgo.Record{Topic: topic.Name, Partition: topology.Partition([]byte(name(n)), topic.Partitions), Key: []byte(name(n)), Value: submittedValue(t, tg, name(n), at), Timestamp: time.Now()})
		}
		if err := producer.ProduceSync(ctx(t, time.Minute), rs...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []string{base, other} {
		within(t, time.Minute, "partitions", func() bool { return get(t, b+"/readyz", nil) == 200 })
	}
	c := client.New(base, client.Options{Token: tg.token})
	var watches []*told
	for n := range claims {
		watches = append(watches, watchClaim(t, c, name(n), "", nil))
	}
	for _, w := range watches {
		within(t, time.Minute, "the watch", func() bool { _, at, _, _ := w.all(); return at != "" })
	}
	reached := func(round int) {
		t.Helper()
		for _, w := range watches {
			within(t, 90*time.Second, fmt.Sprintf("round %d at a watch", round), func() bool {
				facts, _, _, _ := w.all()
				return len(facts) > 0 && facts[len(facts)-1] >= round
			})
		}
	}
	for round := 1; round <= rounds; round++ {
		send(round)
		switch round {
		case 10:
			reached(round)
			killed.kill()
		case 20:
			reached(round)
			tg.worker(t, t.TempDir())
			stopped.terminate()
		case 30: // its watchers, and its partitions
			_, other = tg.worker(t, t.TempDir())
			within(t, time.Minute, "partitions", func() bool { return get(t, other+"/readyz", nil) == 200 })
			reached(20)
			door.kill()
			c = client.New(other, client.Options{Token: tg.token})
			for n, w := range watches {
				w.stop()
				facts, at, _, _ := w.all()
				watches[n] = watchClaim(t, c, name(n), at, facts)
			}
		}
		if round%3 == 0 {
			reached(max(1, round-9))
		}
	}
	reached(rounds)
	want := statesOf(t, tg, claims)
	for n, w := range watches {
		facts, _, resets, err := w.all()
		if err != nil || resets > 0 || !slices.IsSorted(facts) || len(slices.Compact(slices.Clone(facts))) != len(facts) {
			t.Errorf("claim %d: %v, %d resets, %v", n, facts, resets, err)
		}
		if len(facts) != want[name(n)] {
			t.Errorf("claim %d: %d states were told, the changelog has %d", n, len(facts), want[name(n)])
		}
	}
}

// statesOf counts the committed states of claims in the changelog.
func statesOf(t *testing.T, tg target, claims int) map[string]int {
	t.Helper()
	states := map[string]int{}
	for _, r := range held(t, tg, "claim-status.v1-claims-consumer-table") {
		states[string(r.Key)]++
	}
	if len(states) != claims {
		t.Fatalf("%d claims in the changelog", len(states))
	}
	return states
}

func TestAWatchIsAskedFromTheCommandLine(t *testing.T) {
	tg := servers(t)
	_, base := tg.worker(t, t.TempDir())
	within(t, time.Minute, "partitions", func() bool { return get(t, base+"/readyz", nil) == 200 })
	made(t, tg, 11, 50)
	var claim string
	within(t, time.Minute, "a row", func() bool {
		var page struct{ Rows []struct{ Key string } }
		if get(t, base+"/v1/views/claim-status?limit=1", &page) == 200 && len(page.Rows) == 1 {
			claim = page.Rows[0].Key
		}
		return claim != ""
	})
	out, stderr, code := cli(t, "", "view", "watch", "claim-status", claim, "--limit", "1", "--places", "--url", base)
	var line struct {
		Kind, Resume string
		Value        map[string]any
	}
	if code != 0 || json.Unmarshal([]byte(out), &line) != nil || line.Kind != "row" || line.Resume == "" || line.Value["claimId"] != claim {
		t.Fatalf("%d %s %s", code, out, stderr)
	}
	for want, args := range map[int][]string{
		exitNotFound:    {"claim-none", claim, "--url", base},
		exitFailed:      {"claim-status", claim, "--resume", "canary", "--url", base},
		exitUnavailable: {"claim-status", claim, "--url", "http://127.0.0.1:1"},
	} {
		out, stderr, code := cli(t, "", append([]string{"view", "watch"}, args...)...)
		if code != want || out != "" || strings.Contains(stderr, claim) || strings.Contains(stderr, "canary") {
			t.Errorf("%v: exit %d: %s", args[0], code, stderr)
		}
	}
}
