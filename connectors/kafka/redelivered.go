package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/tables"
)

// Redelivered is how far a redelivery is. It holds no key and no value.
type Redelivered struct {
	ID           string           `json:"id"`
	Subscription string           `json:"subscription"`
	Topic        string           `json:"topic"`
	State        string           `json:"state"`      // running, done
	Done         int64            `json:"done"`       // offsets that were read
	All          int64            `json:"all"`        // of these
	Delivered    int64            `json:"delivered"`  // copies; of a dry run: that would be
	PassedOver   map[string]int64 `json:"passedOver"` // events, by why
	By           string           `json:"by,omitempty"`
	Why          string           `json:"why,omitempty"`
	Started      time.Time        `json:"started"`
	Updated      time.Time        `json:"updated"`

	From  time.Time                  `json:"from,omitzero"` // of time stamps of records
	To    time.Time                  `json:"to,omitzero"`
	Spans Offsets                    `json:"spans"` // what is read: from, to
	At    map[string]map[int32]int64 `json:"at"`    // next offsets
}

// Offsets are runs of offsets by topic and partition: the first, and the one
// behind the last.
type Offsets map[string]map[int32][2]int64

func (o Offsets) set(topic string, partition int32, run [2]int64) {
	if o[topic] == nil {
		o[topic] = map[int32][2]int64{}
	}
	o[topic][partition] = run
}

// States of a redelivery.
const (
	RedeliveryRuns   = "running" // or cut short
	RedeliveryIsDone = "done"
)

// pass notes that a partition was read from an offset up to another.
func (d *Redelivered) pass(topic string, partition int32, from, next int64) {
	if d.At[topic] == nil {
		d.At[topic] = map[int32]int64{}
	}
	d.At[topic][partition] = max(d.At[topic][partition], from, next)
	d.Done = 0
	for topic, ps := range d.At {
		for p, next := range ps {
			d.Done += next - d.Spans[topic][p][0]
		}
	}
}

// ownTopic is the topic that the rules deliver to.
func (d *Redelivered) ownTopic() string {
	team, name, _ := strings.Cut(d.Subscription, "/")
	return tables.Subscription{Team: team, Name: name}.Topic()
}

// record is what is written down: an earlier run may have been further.
func (d *Redelivered) record(done map[string]map[int32]int64) (*kgo.Record, error) {
	at := map[string]map[int32]int64{}
	for topic, ps := range d.At {
		at[topic] = maps.Clone(ps)
	}
	for topic, ps := range done {
		for p, next := range ps {
			if at[topic] == nil {
				at[topic] = map[int32]int64{}
			}
			at[topic][p] = max(at[topic][p], next)
		}
	}
	said := *d
	said.At = at
	value, err := json.Marshal(said)
	return &kgo.Record{Topic: topology.Redeliveries.Name, Key: []byte(d.ID), Value: value}, err
}

// All are all redeliveries, the last first.
func (d Redeliverer) All(ctx context.Context) ([]Redelivered, error) {
	c, err := Dial(ctx, d.Brokers, d.Options...)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	held, err := c.spans(ctx, time.Time{}, topology.Redeliveries.Name)
	if err != nil {
		return nil, err
	}
	if len(held) == 0 {
		return nil, fmt.Errorf("%s: %w", topology.Redeliveries.Name, ErrTopicMissing)
	}
	all := map[string]Redelivered{}
	err = scanner{brokers: d.Brokers, opts: d.Options}.scan(ctx, held, func(r *kgo.Record) error {
		var said Redelivered
		if json.Unmarshal(r.Value, &said) == nil { // one that does not decode says nothing
			all[string(r.Key)] = said
		}
		return nil
	})
	return slices.SortedFunc(maps.Values(all), func(a, b Redelivered) int { return b.Started.Compare(a.Started) }), err
}
