package engine_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// post is what a receiver outside saw: event ids by key, and how often.
type post struct {
	mu   sync.Mutex
	seen map[string][]string
	away bool
}

func (p *post) do(_ context.Context, e topology.Effect) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Key == "away" && p.away {
		return errors.New("nobody there for canary-4711")
	}
	p.seen[e.Key] = append(p.seen[e.Key], string(e.Event.(events.ClaimSubmitted).ProviderID))
	return nil
}

func (p *post) got(key string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[key]
}

// TestEffectsOutside keeps one receiver away until its effects are given up,
// while others get theirs, in order.
func TestEffectsOutside(t *testing.T) {
	c := newCluster(t)
	group := topology.Effects[events.ClaimSubmitted]{Name: "post.v1-test-consumer", Input: topologies.ClaimSubmitted, Rows: plain[topology.Backlog]{}}.Declare()
	c.create(group.Topics()...)
	p := &post{seen: map[string][]string{}, away: true}
	var log strings.Builder
	cfg := c.config(t.TempDir())
	cfg.Log = slog.New(slog.NewTextHandler(io.MultiWriter(&log, c.out()), nil))
	if _, err := engine.Open(cfg, []topology.Declared{group}, c.schemas); err == nil || !strings.Contains(err.Error(), group.Name) {
		t.Fatalf("opened without what is to be done: %v", err)
	}
	cfg.DataDir, cfg.Effects = t.TempDir(), map[string]engine.Effector{group.Name: p.do}
	_, stop := c.startWith(cfg, []topology.Declared{group})
	for _, key := range []events.ID{"away", "here"} {
		for _, provider := range []events.ID{"1", "2", "3"} {
			e := submitted(key)
			e.ProviderID = provider
			c.produce(record(c, topologies.ClaimSubmitted, e))
		}
	}
	eventually(t, "the effects of a receiver that is there", func() bool { return len(p.got("here")) == 3 })
	letters, err := codecs.DeadLetters.Bind(c.schemas, topologies.ClaimSubmitted.Topic.DLQ().Name)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range c.read(topologies.ClaimSubmitted.Topic.DLQ().Name, 3) {
		letter, err := letters.Decode(r.Value)
		if err != nil || letter.Metadata.ReasonCode != topology.EffectFailed || letter.Metadata.OriginalOffset != int64(i) || (i == 0) != (letter.Metadata.RetryCount == 3) {
			t.Errorf("dead letter %d: %+v, %v", i, letter.Metadata, err)
		}
	}
	stop()
	if got := strings.Join(p.got("here"), ""); got != "123" {
		t.Errorf("in the order %s", got)
	}
	if len(p.got("away")) != 0 || strings.Contains(log.String(), "canary") {
		t.Error("the receiver's words show, or it was there")
	}
}
