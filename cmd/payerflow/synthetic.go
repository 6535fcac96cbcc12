package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

func (a *app) syntheticCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "synthetic", Short: "Try the whole path with a synthetic event"}
	cmd.AddCommand(a.syntheticRunCommand())
	return cmd
}

// probe is a synthetic event on its way.
type probe struct {
	app     *app
	base    string
	id, key string
	row     tables.EventType
	topics  map[string]string // hop -> topic where its record is awaited
	views   []string
	began   time.Time

	mu   sync.Mutex
	hops map[string]*probeHop
}

// probeHop is one step of the path, and whether the probe was seen there.
type probeHop struct {
	Hop   string             `json:"hop"`
	State string             `json:"state"` // ok, missing, parked, elsewhere
	After float64            `json:"after_ms,omitempty"`
	At    *kafka.Coordinates `json:"at,omitempty"`
	Note  string             `json:"note,omitempty"`
}

// probed is what a run shows.
type probed struct {
	ID        string     `json:"id"`
	EventType string     `json:"eventType"`
	OK        bool       `json:"ok"`
	Hops      []probeHop `json:"hops"`
}

// Hops of a probe, in their order, and what can be said of one.
const (
	hopDoor     = "door"
	hopFirehose = "firehose"
	hopDomain   = "domain topic"
	hopConsumer = "consumer topic"
	hopView     = "view "

	stateOK      = "ok"
	stateMissing = "missing"
	stateParked  = "parked"
)

func (a *app) syntheticRunCommand() *cobra.Command {
	var eventType, sub string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "run", Short: "Send a synthetic event through every hop, and show how long each took",
		Long: `Send the sample of an event type, marked as synthetic and with a key of its own, to the server's door, and
wait for it where it must come by: firehose, domain topic, the consumer topic of --sub (which must let
synthetic events pass), the row of every view that folds its topic. Times are from the beginning of the
request. The exit code is 1 where it was not seen everywhere within --timeout.`,
		Example: `  payerflow synthetic run --type CLAIM_SUBMITTED --sub billing/claims`,
		Args:    exactly(0),
	}
	base := urlFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		p := &probe{app: a, base: *base, id: uuid.NewString(), key: uuid.NewString(), hops: map[string]*probeHop{}}
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		defer cancel()
		if err := p.plan(ctx, eventType, sub); err != nil {
			return err
		}
		if err := p.run(ctx); err != nil {
			return err
		}
		return a.showProbed(p.result())
	}
	f := cmd.Flags()
	f.StringVar(&eventType, "type", "CLAIM_SUBMITTED", "event type whose sample is sent")
	f.StringVar(&sub, "sub", "", "subscription that must get it: TEAM/NAME")
	f.DurationVar(&timeout, "timeout", 15*time.Second, "how long to wait for the last hop")
	return cmd
}

// plan says where the probe must come by.
func (p *probe) plan(ctx context.Context, eventType, sub string) error {
	if err := p.sample(ctx, eventType); err != nil {
		return err
	}
	p.topics = map[string]string{hopFirehose: topologies.Firehose.Topic.Name}
	order := []string{hopDoor, hopFirehose}
	if p.row.Topic != "" {
		p.topics[hopDomain], order = p.row.Topic, append(order, hopDomain)
	}
	if sub != "" {
		team, name, ok := strings.Cut(sub, "/")
		if !ok || team == "" || name == "" {
			return coded(exitUsage, errors.New("--sub is TEAM/NAME"))
		}
		p.topics[hopConsumer], order = tables.Subscription{Team: team, Name: name}.Topic(), append(order, hopConsumer)
	}
	for _, g := range topologies.All {
		if g.View.Name != "" && slices.ContainsFunc(g.Inputs, func(in topology.Declaration) bool { return in.Topic.Name == p.row.Topic }) {
			p.views, order = append(p.views, g.View.Name), append(order, hopView+g.View.Name)
		}
	}
	for _, hop := range order {
		p.hops[hop] = &probeHop{Hop: hop, State: stateMissing}
	}
	return nil
}

// run sends the probe and waits until it was seen everywhere, or was parked,
// or ctx ends.
func (p *probe) run(ctx context.Context) error {
	client, err := p.app.client()
	if err != nil {
		return err
	}
	var topics []string
	for _, t := range p.topics {
		topics = append(topics, t, kafka.DLQOf(t))
	}
	tracer := &kafka.Tracer{Brokers: p.app.cfg.Broker.Seeds, Schemas: p.app.schemas(), Options: client}
	follower, err := tracer.Follow(ctx, p.id, topics...)
	if err != nil {
		return coded(exitUnavailable, err)
	}
	defer follower.Close()
	p.began = time.Now()
	at, err := p.send(ctx)
	if err != nil {
		return err
	}
	p.seen(hopDoor, stateOK, at, "")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, view := range p.views {
		wg.Go(func() { p.awaitRow(ctx, view) })
	}
	failed := p.awaitRecords(ctx, follower)
	if failed != nil || p.parked() {
		cancel() // nothing more will come
	}
	wg.Wait()
	return failed
}

// awaitRecords notes records as they come, until all did or one was parked.
func (p *probe) awaitRecords(ctx context.Context, f *kafka.Follower) error {
	for left := len(p.topics); left > 0 && !p.parked(); {
		hops, err := f.Next(ctx)
		if err != nil {
			if ctx.Err() != nil { // out of time: what did not come is missing
				err = nil
			}
			return err
		}
		for _, h := range hops {
			for name, topic := range p.topics {
				switch h.Topic {
				case topic:
					if p.seen(name, stateOK, &h.Coordinates, "") {
						left--
					}
				case kafka.DLQOf(topic):
					p.seen(name, stateParked, &h.Coordinates, h.Code)
				}
			}
		}
	}
	return nil
}

// seen notes a hop; the first note of one that was reached holds.
func (p *probe) seen(hop, state string, at *kafka.Coordinates, note string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hops[hop]
	if h.State == stateOK && state == stateOK {
		return false
	}
	*h = probeHop{hop, state, float64(time.Since(p.began).Microseconds()) / 1000, at, note}
	return true
}

func (p *probe) parked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.hops {
		if h.State == stateParked {
			return true
		}
	}
	return false
}

func (p *probe) result() probed {
	out := probed{ID: p.id, EventType: p.row.Name, OK: true}
	order := []string{hopDoor, hopFirehose, hopDomain, hopConsumer}
	for _, v := range p.views {
		order = append(order, hopView+v)
	}
	for _, name := range order {
		if h := p.hops[name]; h != nil {
			out.Hops = append(out.Hops, *h)
			out.OK = out.OK && h.State == stateOK
		}
	}
	return out
}

func (a *app) showProbed(out probed) error {
	var rows [][]string
	for _, h := range out.Hops {
		after, at := "-", "-"
		if h.State != stateMissing {
			after = fmt.Sprintf("%.1f ms", h.After)
		}
		if h.At != nil {
			at = fmt.Sprintf("%s/%d/%d", h.At.Topic, h.At.Partition, h.At.Offset)
		}
		rows = append(rows, []string{h.Hop, h.State, after, at, h.Note})
	}
	if err := a.show(out, []string{"hop", "state", "after", "at", "note"}, rows); err != nil {
		return err
	}
	if !out.OK {
		return fmt.Errorf("the probe %s was not seen at every hop", out.ID)
	}
	return nil
}
