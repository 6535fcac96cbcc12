package kafka

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// Tracer finds what became of one event. It is for one goroutine.
type Tracer struct {
	Brokers []string
	Schemas topology.Schemas
	Options []kgo.Opt
	Total   func(int64) // told before records are read; nil: nobody
	Passed  func(int64) // told while they are read; nil: nobody

	id      string
	letters topology.Serde[codecs.DeadLetter]
	markers topology.Serde[events.BatchRouted]
	open    map[string]topology.Serde[events.Typed]
}

// Stages of an event's way, in its order.
const (
	StageFirehose    = "firehose"
	StageDomain      = "domain topic"
	StageRepartition = "repartition"
	StageConsumer    = "consumer topic"
	StageRow         = "row"
	StageDelivered   = "delivered"
	StageDLQ         = "dead letter"
	StageHandled     = "dead letter handled"
	StageOther       = "other"
)

var stages = []string{StageFirehose, StageDomain, StageRepartition, StageConsumer, StageRow, StageDelivered, StageDLQ, StageHandled, StageOther}

// Hop is one record that carries the event, or names it.
type Hop struct {
	Stage string `json:"stage"`
	Coordinates
	Time     time.Time `json:"time"`               // the record's time stamp
	Code     string    `json:"code,omitempty"`     // of a dead letter: why it was parked
	Redriven string    `json:"redriven,omitempty"` // the dead letter that it came back from
	ours     bool      // the router wrote it, and passes it by
}

// Marker is a transaction of the router that covers a hop.
type Marker struct {
	Coordinates
	Covers        Coordinates    `json:"covers"`
	Worker        string         `json:"worker"`
	RoutingHash   string         `json:"routingHash"`
	ControlOffset int64          `json:"controlOffset"`
	At            events.Instant `json:"at"`
}

// Traced is an event's way: no key, no body.
type Traced struct {
	ID      string   `json:"id"`
	Hops    []Hop    `json:"hops"`    // by time, then by stage
	Markers []Marker `json:"markers"` // the rules that it was routed by
}

// untraced are topics that carry no events.
var untraced = []string{topologies.Control.Topic.Name, topologies.Routed.Topic.Name, topology.Members.Name, topology.Versions.Name}

// Trace reads every topic since a time, and finds the records of an event by
// its identity: its header, its envelope, its dead letters, the rows that name
// it. What is compacted or expired is not found.
func (t *Tracer) Trace(ctx context.Context, id string, since time.Time) (Traced, error) {
	out := Traced{ID: id, Hops: []Hop{}, Markers: []Marker{}}
	if err := t.bind(id); err != nil {
		return out, err
	}
	c, err := Dial(ctx, t.Brokers, t.Options...)
	if err != nil {
		return out, err
	}
	defer c.Close()
	logs, rows, err := t.topics(ctx, c)
	if err != nil {
		return out, err
	}
	todo, err := c.spans(ctx, since, logs...)
	if err != nil {
		return out, err
	}
	compacted, err := c.spans(ctx, since, rows...)
	if err != nil {
		return out, err
	}
	if t.Total != nil {
		t.Total(todo.size() + compacted.size())
	}
	each := func(r *kgo.Record) error {
		hop, found, err := t.hop(r)
		if found {
			out.Hops = append(out.Hops, hop)
		}
		return err
	}
	scan := scanner{brokers: t.Brokers, opts: t.Options, passed: t.Passed}
	if err := scan.scan(ctx, todo, each); err != nil {
		return out, err
	}
	scan.compacted = true
	if err := scan.scan(ctx, compacted, each); err != nil {
		return out, err
	}
	slices.SortStableFunc(out.Hops, func(a, b Hop) int {
		return cmp.Or(a.Time.Compare(b.Time), slices.Index(stages, a.Stage)-slices.Index(stages, b.Stage), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Offset, b.Offset))
	})
	return out, t.cover(ctx, c, &out)
}

func (t *Tracer) bind(id string) (err error) {
	t.id, t.open = id, map[string]topology.Serde[events.Typed]{}
	if t.letters, err = codecs.DeadLetters.Bind(t.Schemas, handledTopic+dlqSuffix); err != nil {
		return fmt.Errorf("codec of dead letters: %w", err)
	}
	if t.markers, err = topologies.Routed.Codec.Bind(t.Schemas, topologies.Routed.Topic.Name); err != nil {
		return fmt.Errorf("codec of markers: %w", err)
	}
	for _, topic := range topologies.Catalogue {
		if t.open[topic.Name], err = codecs.NewOpen(topic).Bind(t.Schemas, topic.Name); err != nil {
			return fmt.Errorf("codec of %s: %w", topic.Name, err)
		}
	}
	return nil
}

// topics are the cluster's topics that may hold the event: logs, and compacted
// ones.
func (t *Tracer) topics(ctx context.Context, c *Client) (logs, compacted []string, err error) {
	all, err := c.admin.ListTopics(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list topics: %w", err)
	}
	for _, name := range all.Names() {
		switch {
		case slices.Contains(untraced, name), strings.HasPrefix(name, "_"), strings.HasSuffix(name, "-ticks"):
		case strings.HasSuffix(name, "-table"):
			compacted = append(compacted, name)
		default:
			logs = append(logs, name)
		}
	}
	return logs, compacted, nil
}

// cover finds the transactions in which the router took the event.
func (t *Tracer) cover(ctx context.Context, c *Client, out *Traced) error {
	var taken []Hop
	for _, h := range out.Hops {
		if h.Stage == StageFirehose || h.Stage == StageDomain && !h.ours {
			taken = append(taken, h)
		}
	}
	if len(taken) == 0 {
		return nil
	}
	todo, err := c.spans(ctx, taken[0].Time.Add(-time.Minute), topologies.Routed.Topic.Name) // clocks differ
	if err != nil {
		return err
	}
	return scanner{brokers: t.Brokers, opts: t.Options}.scan(ctx, todo, func(r *kgo.Record) error {
		m, err := t.markers.Decode(r.Value)
		if err != nil {
			return fmt.Errorf("%s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		for _, h := range taken {
			if covers(m.Ranges, h.Coordinates) {
				out.Markers = append(out.Markers, Marker{Coordinates{r.Topic, r.Partition, r.Offset}, h.Coordinates, m.Worker, m.RoutingHash, m.ControlOffset, m.At})
			}
		}
		return nil
	})
}

func covers(ranges []events.Range, at Coordinates) bool {
	return slices.ContainsFunc(ranges, func(r events.Range) bool {
		return r.Topic == at.Topic && r.Partition == at.Partition && r.From <= at.Offset && at.Offset < r.To
	})
}
