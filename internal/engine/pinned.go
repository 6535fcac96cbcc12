package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"payerflow/internal/batching"
	"payerflow/internal/topology"
)

// pinOf finds what a group is pinned to.
func (e *Engine) pinOf(d topology.Declared) (func() (topology.Pinned, error), error) {
	pin := e.cfg.Pins[d.Name]
	if d.Pinned && pin == nil {
		return nil, fmt.Errorf("group %s is pinned, and nothing is given that it is pinned to", d.Name)
	}
	return pin, nil
}

// pin takes the value of the transaction that begins. Where it cannot be had,
// the transaction is condemned, and everything is held.
func (b *batch) pin() {
	s := b.s
	if s.rt.p != s.rt.p.g.folding || s.rt.p.g.pin == nil {
		return
	}
	var err error
	if s.pinned, err = s.rt.p.g.pin(); err != nil {
		s.holdAll(err)
	}
}

// ranges are what the batch covers of each input partition, in order.
func (b *batch) ranges() (out []topology.Range) {
	for at, next := range b.next {
		if from := b.s.rt.p.positions.get(at); from < next {
			out = append(out, topology.Range{Topic: at.topic, Partition: at.partition, From: from, To: next})
		}
	}
	slices.SortFunc(out, func(x, y topology.Range) int {
		return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Partition, y.Partition))
	})
	return out
}

// mark writes, in the transaction, what it was pinned to and the ranges of
// input that it covers.
func (b *batch) mark() error {
	s := b.s
	if s.pinned == nil {
		return nil
	}
	ranges := b.ranges()
	if len(ranges) == 0 {
		return nil
	}
	g := s.rt.p.g
	b.pinned = &topology.PinnedStatus{Version: s.pinned.Version(), Hash: s.pinned.Hash()}
	for _, r := range ranges {
		b.pinned.Ranges = append(b.pinned.Ranges, topology.RangeStatus(r))
	}
	emit, err := g.Mark(s.pinned, s.rt.p.transactionalID(), ranges)
	for _, e := range emit {
		err = errors.Join(err, g.emit(&work{rt: s.rt, s: s, Work: batching.Work{Raw: topology.Raw{Timestamp: b.m.Opened}}}, e))
	}
	return err
}
