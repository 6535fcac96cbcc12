package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"payerflow/internal/topology"
)

// member is what a worker announces for each group that it is in.
type member struct {
	Group           string    `json:"group"`
	Instance        string    `json:"instance"`
	TransactionalID string    `json:"transactionalId"`
	Address         string    `json:"address"`
	At              time.Time `json:"at"`

	Peer       string  `json:"peer,omitempty"`       // where it answers other workers
	Generation int64   `json:"generation,omitempty"` // of the group, when it had these partitions
	Partitions []int32 `json:"partitions,omitempty"` // that it folds
	Follows    bool    `json:"follows,omitempty"`    // it has copies of all others
	Replica    bool    `json:"replica,omitempty"`    // it is not in the group, and folds nothing

	Groups   []string          `json:"groups,omitempty"`   // of a process: all that it knows
	Prepared map[string]string `json:"prepared,omitempty"` // of a process: by view, the prepared switch for which it stands still
}

func (m member) key() []byte { return []byte(m.Group + "|" + m.Instance) }

// leftHeader is on the record of a worker that left a group by itself: the
// generation that it left.
const leftHeader = "left-generation"

// leftGeneration is what that header says, -1 where there is none.
func leftGeneration(r *kgo.Record) int64 {
	for _, h := range r.Headers {
		if n, err := strconv.ParseInt(string(h.Value), 10, 64); h.Key == leftHeader && err == nil {
			return n
		}
	}
	return -1
}

// memberOf is the inverse of key.
func memberOf(key []byte) (group, instance string, ok bool) {
	at := bytes.LastIndexByte(key, '|')
	if at < 0 {
		return "", "", false
	}
	return string(key[:at]), string(key[at+1:]), true
}

func (p *processor) self() member {
	cfg := p.g.e.cfg
	m := member{Group: p.name, Instance: p.g.e.instance, Address: cfg.Address, Peer: cfg.Peer, At: time.Now().UTC(), Follows: cfg.Standby, Replica: cfg.Follows}
	if !cfg.AtLeastOnce && !cfg.Follows {
		m.TransactionalID = p.transactionalID()
	}
	return m
}

func (p *processor) transactionalID() string {
	return topology.TransactionalIDs(p.name) + p.g.e.instance
}

// announce writes this worker into the members topic, and returns the offset;
// gone removes one.
func (c *cluster) announce(ctx context.Context, m member) (int64, error) {
	value, err := json.Marshal(m)
	if err != nil {
		return 0, err
	}
	return c.tell(ctx, &kgo.Record{Topic: topology.Members.Name, Key: m.key(), Value: value})
}

func (c *cluster) gone(ctx context.Context, m member) error {
	r := &kgo.Record{Topic: topology.Members.Name, Key: m.key()}
	if m.Generation > 0 {
		r.Headers = []kgo.RecordHeader{{Key: leftHeader, Value: strconv.AppendInt(nil, m.Generation, 10)}}
	}
	_, err := c.tell(ctx, r)
	return err
}

// tell waits for the acknowledgement until ctx ends, and no longer: a record
// that may have been sent keeps its place in the client past that.
func (c *cluster) tell(ctx context.Context, r *kgo.Record) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	type placed struct {
		offset int64
		err    error
	}
	done := make(chan placed, 1)
	c.client.Produce(ctx, r, func(r *kgo.Record, err error) { done <- placed{r.Offset, err} })
	var at placed
	select {
	case at = <-done:
	case <-ctx.Done():
		at.err = ctx.Err()
	}
	if at.err != nil {
		return 0, fmt.Errorf("members: %w", at.err)
	}
	return at.offset, nil
}

// members reads who has announced itself for a group and was not removed.
func (c *cluster) members(ctx context.Context, cfg Config, group string) (map[string]member, error) {
	all := map[string]member{}
	err := c.readAll(ctx, cfg, topology.Members.Name, func(r *kgo.Record) {
		var m member
		if r.Value == nil {
			delete(all, string(r.Key))
		} else if json.Unmarshal(r.Value, &m) == nil && m.Group == group {
			all[string(r.Key)] = m
		}
	})
	if err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	return all, nil
}

// readAll reads a topic of one partition to the end that it has now.
func (c *cluster) readAll(ctx context.Context, cfg Config, topic string, take func(*kgo.Record)) error {
	return c.readTo(ctx, cfg, topicPartition{topic, 0}, take)
}

// readCommitted reads what is committed of a partition to the end that it has
// now: what is undecided there is waited for.
func (c *cluster) readCommitted(ctx context.Context, cfg Config, at topicPartition, take func(*kgo.Record)) error {
	return c.readTo(ctx, cfg, at, take, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
}

func (c *cluster) readTo(ctx context.Context, cfg Config, at topicPartition, take func(*kgo.Record), opts ...kgo.Opt) error {
	end, err := c.offset(at.topic, at.partition, newest)
	if err != nil {
		return err
	}
	start, err := c.offset(at.topic, at.partition, oldest)
	if err != nil || start >= end {
		return err
	}
	client, err := kgo.NewClient(slices.Concat([]kgo.Opt{kgo.SeedBrokers(cfg.Brokers...), kgo.ClientID("payerflow-members"), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{at.topic: {at.partition: kgo.NewOffset().AtStart()}})}, opts, cfg.Client)...)
	if err != nil {
		return err
	}
	defer client.Close()
	for next := start; next < end; {
		fetches, idle, err := pollUntilLull(ctx, client)
		if idle {
			next, _ = c.pastEmpty(ctx, at.topic, at.partition, next) // or after the next lull
		}
		if err != nil {
			return err
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if next = r.Offset + 1; !r.Attrs.IsControl() && r.Offset < end {
				take(r)
			}
		}
	}
	return nil
}

// fence ends the transactions of workers that announced themselves for this
// group before offset of the members topic, and are no longer in it. Without
// it, a restore would wait for the transaction timeout of a worker that was
// killed.
func (rt *runtime) fence(ctx context.Context, offset int64) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	announced, err := rt.p.g.e.members.at(ctx, offset, rt.p.name)
	if err != nil {
		return err
	}
	present, err := rt.cluster.present(ctx, rt.p.name)
	if err != nil {
		return err
	}
	for _, m := range announced {
		if m.Instance == rt.p.g.e.instance || present[m.Instance] || m.Replica && time.Since(m.At) < replicaGone {
			continue
		}
		if m.TransactionalID != "" { // at least once has none
			if err := rt.cluster.abortOpen(ctx, m.TransactionalID); err != nil {
				return fmt.Errorf("fence a member that is gone: %w", err)
			}
		}
		if err := rt.cluster.gone(ctx, member{Group: m.Group, Instance: m.Instance}); err != nil {
			return err
		}
		rt.p.log.Info("fenced a worker that left without a word", "group", rt.p.name, "worker", m.Instance)
	}
	return nil
}

// present are the instance ids in groups now.
func (c *cluster) present(ctx context.Context, names ...string) (map[string]bool, error) {
	groups, err := c.admin.DescribeGroups(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe group: %w", err)
	}
	ids := map[string]bool{}
	for _, g := range groups {
		if g.Err != nil && !errors.Is(g.Err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("describe group: %w", g.Err)
		}
		for _, m := range g.Members {
			if m.InstanceID != nil {
				ids[*m.InstanceID] = true
			}
		}
	}
	return ids, nil
}

// abortOpen takes the next epoch of a transactional id: the coordinator aborts
// what is open under the old one, and refuses whoever still uses it.
func (c *cluster) abortOpen(ctx context.Context, id string) error {
	for {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = &id
		req.TransactionTimeoutMillis = int32(adminTimeout.Milliseconds())
		resp, err := req.RequestWith(ctx, c.client)
		if err != nil {
			return err
		}
		err = kerr.ErrorForCode(resp.ErrorCode)
		if !errors.Is(err, kerr.ConcurrentTransactions) {
			return err
		}
		select { // the coordinator is still writing the abort
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
