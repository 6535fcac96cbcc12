package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// copies are what is known of how much the partitions of a group's table that
// are here hold, for the time that this worker does not fold them.
type copies struct {
	mu    sync.Mutex
	known map[int32]known
	after map[int32]*chase           // age's
	fed   fed                        // age's
	free  map[topicPartition]stretch // age's: offsets between which no record lies
}

// stretch is offsets from one up to another.
type stretch struct{ from, to int64 }

func (c *copies) keep(at topicPartition, free stretch) {
	if c.free == nil {
		c.free = map[topicPartition]stretch{}
	}
	c.free[at] = free
}

func (c *copies) chase(partition int32) *chase {
	if c.after == nil {
		c.after = map[int32]*chase{}
	}
	if c.after[partition] == nil {
		c.after[partition] = &chase{}
	}
	return c.after[partition]
}

// known is a moment whose inputs are all in a copy.
type known struct {
	at        time.Time
	positions []topology.Position // of the inputs, in the copy
	lag       int64
	changelog int64 // offset that the copy had reached: one that is behind it was wiped
}

func (c *copies) note(partition int32, k known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[int32]known{}
	}
	if k.at.After(c.known[partition].at) {
		c.known[partition] = k
	}
}

func (c *copies) of(partition int32) (known, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[partition]
	return k, ok
}

// noteOwned notes what the partitions that are folded here hold.
func (g *group) noteOwned(s *session, now time.Time) {
	log := g.folding.ownLog()
	if log == nil || g.View.Name == "" {
		return
	}
	for _, p := range s.partitions {
		inputs := g.inputs(p)
		changelog, _ := log.Offset(p)
		at := g.positionsOf(inputs)
		if age, ok := g.folding.positions.since(now, inputs); ok {
			g.copies.note(p, known{at: now.Add(-age), positions: at, lag: g.folding.positions.lag(inputs), changelog: changelog})
		}
	}
}

func (g *group) positionsOf(inputs []topicPartition) []topology.Position {
	at := make([]topology.Position, 0, len(inputs))
	for _, in := range inputs {
		at = append(at, topology.Position{Topic: in.topic, Partition: in.partition, Offset: g.folding.positions.get(in)})
	}
	return at
}

// held is a partition of a view's table as it is here.
type held struct {
	topology.Copy
	g         *group
	partition int32
	log       *rowlog.Log
	owner     *session // nil: another copy
}

// hold finds the copy that may answer a question.
func (g *group) hold(q topology.Question) (*held, error) {
	log, incarnation := g.e.state.copy(g.Table.Name)
	if log == nil {
		return nil, g.absent(q.Partition)
	}
	h := &held{g: g, partition: q.Partition, log: log, owner: g.owner(q.Partition)}
	h.Incarnation = incarnation
	if now := g.incarnation(); now != "" && now != h.Incarnation {
		return nil, topology.ErrRestoring // it will be wiped
	}
	if q.Incarnation != "" && q.Incarnation != h.Incarnation {
		return nil, g.another(q.Incarnation)
	}
	if h.owner != nil {
		h.asOwner()
		if q.Fresh && (h.Age < 0 || h.Age > q.Staleness) {
			return nil, topology.ErrTooStale
		}
		return h, nil
	}
	switch {
	case q.OwnerOnly || q.Staleness <= 0 || !h.asCopy():
		return nil, g.absent(q.Partition)
	case h.Age > q.Staleness:
		return nil, topology.ErrTooStale
	}
	return h, nil
}

// another says why a table does not answer that is asked for.
func (g *group) another(incarnation string) error {
	for _, version := range g.e.byView[g.View.Name] {
		if version != g && version.incarnation() == incarnation {
			return topology.ErrSwitching
		}
	}
	return topology.ErrElsewhere
}

// absent says why a partition is not answered for.
func (g *group) absent(partition int32) error {
	assigned, running := g.folding.positions.assigned()
	mine := slices.ContainsFunc(assigned, func(at topicPartition) bool { return at.partition == partition })
	if mine || !running && !g.e.cfg.Follows {
		return topology.ErrRestoring
	}
	return topology.ErrElsewhere
}

// owner is the session that folds a partition and that nobody can have taken it
// from, nil where there is none.
func (g *group) owner(partition int32) *session {
	s := g.folding.owning.Load()
	if s == nil || s.ctx.Err() != nil || !s.rt.lease.holds(time.Now()) || !slices.Contains(s.partitions, partition) {
		return nil
	}
	return s
}

func (h *held) asOwner() {
	inputs := h.g.inputs(h.partition)
	h.Positions, h.Lag = h.g.positionsOf(inputs), h.g.folding.positions.lag(inputs)
	h.Age, h.Stale = h.g.freshness(h.partition)
}

// asCopy says whether it is known how old the copy is.
func (h *held) asCopy() bool {
	k, ok := h.g.copies.of(h.partition)
	at := h.g.changelog(h.partition)
	h.Positions, h.Lag, h.Age, h.Stale, h.Replica = k.positions, k.lag, time.Since(k.at), true, true
	return ok && at >= k.changelog
}

// still says whether what was read of the owner's copy was the owner's to the
// end, and up to where the copy now goes.
func (h *held) still() bool {
	h.Changelog = h.g.changelog(h.partition) + 1
	return h.owner == nil || h.g.owner(h.partition) == h.owner
}

// has says whether the copy holds what lies before a position.
func (h *held) has(want topology.Position) bool {
	if want.Topic == h.g.Table.Name {
		return want.Partition != h.partition || h.g.changelog(h.partition)+1 >= want.Offset
	}
	return !slices.ContainsFunc(h.Positions, func(p topology.Position) bool {
		return p.Topic == want.Topic && p.Partition == want.Partition && p.Offset < want.Offset
	})
}

// incarnation stands for an origin outside: short, and of one length.
func incarnation(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:8])
}
