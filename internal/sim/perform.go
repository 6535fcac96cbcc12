package sim

import (
	"errors"
	"slices"
	"time"

	"payerflow/internal/batching"
	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

const batchInterval = 100 * time.Millisecond

// perform does the machine's next action, as the engine does it, on the model.
func (p *processor) perform() {
	r := &p.run
	var o batching.Outcome
	switch r.act {
	case batching.DoPollFirst:
		var blocks bool
		if o, blocks = p.pollFirst(); blocks {
			return
		}
	case batching.DoPollMore:
		p.poll(r.m.Room())
	case batching.DoBegin:
		p.pin()
	case batching.DoDispatch:
		o.Records = p.dispatch()
		o.Behind = p.s.chance(6)
	case batching.DoDrain:
		o.Ended = p.failed != nil
	case batching.DoTick:
		o.Err = p.tick()
	case batching.DoFlush:
		o.Err, o.Again = p.flush()
	case batching.DoCommit, batching.DoAbort:
		o.Committed, o.Err = p.end(r.act == batching.DoCommit)
		r.again = false
	case batching.DoStore:
		o.Err = p.store()
	case batching.DoDrop:
		r.rows.Drop()
	case batching.DoAdvance:
		for _, in := range p.inputs() {
			if next, polled := r.next[in]; polled {
				r.positions[in] = next
			}
		}
		clear(r.next)
	case batching.DoAllow:
		clear(r.next)
	case batching.DoGiveBack:
		o.Err = p.abort()
	}
	if o.Err != nil {
		p.fail(o.Err)
	}
	o.Now = p.s.now
	if r.act != batching.DoDrain {
		o.Ended = p.w.ends || p.failed != nil
	}
	p.tellAction(r.act, o)
	switch r.act = r.m.Next(o); r.act {
	case batching.DoStopOpen:
		p.fail(p.abort())
		p.over()
	case batching.DoStop:
		p.over()
	}
}

// over ends the session: for another one, or for another run.
func (p *processor) over() {
	switch {
	case p.w.ends:
		p.stop()
	case p.failed != nil:
		p.rest("stops", p.failed)
	default:
		p.again()
	}
}

func (p *processor) inputs() (all []place) {
	for _, topic := range p.group.topics {
		for _, n := range p.run.partitions {
			all = append(all, place{topic, n})
		}
	}
	return all
}

// pollFirst waits for records, for a tick, for a rebalance, or to be ended.
func (p *processor) pollFirst() (o batching.Outcome, blocks bool) {
	r := &p.run
	if p.group.stale(p.w.name, r.generation) {
		o.Stale = true
		if p.s.chance(3) { // records of a newer assignment came with it
			o.Records = 1
		}
		return o, false
	}
	moved := p.poll(r.m.Most)
	o.Records = count(r.polled)
	at, waits := p.nextTick()
	o.Due = waits && !at.After(p.w.clock())
	return o, !moved && !o.Due && !p.w.ends
}

func count(polled []run) (n int) {
	for _, one := range polled {
		n += len(one.records)
	}
	return n
}

// poll takes committed records from some inputs. It says whether a position
// moved; past markers alone, too.
func (p *processor) poll(most int) (moved bool) {
	r := &p.run
	r.polled = nil
	all := p.inputs()
	for range all {
		i := p.s.r.IntN(len(all))
		in := all[i]
		if p.s.now.Before(r.held[in]) || most <= 0 || slices.ContainsFunc(r.polled, func(had run) bool { return had.in == in }) {
			continue
		}
		records, next, err := p.s.broker.log(in.topic, in.partition).read(r.fetched[in], 1+p.s.r.IntN(most))
		if err != nil {
			p.fail(err)
			return true
		}
		if next == r.fetched[in] {
			continue
		}
		moved, r.fetched[in], r.next[in] = true, next, next
		if most -= len(records); len(records) > 0 {
			r.polled = append(r.polled, run{in, records})
		}
	}
	return moved
}

// pin takes the value of the transaction that begins.
func (p *processor) pin() {
	pin := p.s.world.pins[p.g.Name]
	if !p.folds || pin == nil {
		return
	}
	if p.s.oneIn(rates.pins) {
		for _, in := range p.inputs() {
			p.hold(in)
		}
		return
	}
	p.run.pinned = pin()
}

// hold stops reading an input for a while, and condemns the open transaction.
func (p *processor) hold(in place) {
	p.run.again = true
	until := p.s.now.Add(time.Duration(200+p.s.r.IntN(2000)) * time.Millisecond)
	p.run.held[in], p.run.ticks[in.partition] = until, until
}

// flush produces the changed rows.
func (p *processor) flush() (err error, again bool) {
	r := &p.run
	if r.again && fault != commitPastAFailure {
		return nil, true
	}
	for part := range r.rows.All() {
		err := r.rows.Encode(part, func(key, value []byte) {
			rec := topology.Raw{Topic: p.g.Table.Name, Partition: part.Number, Key: key, Value: value, Timestamp: p.w.clock()}
			if fault == markerWithoutOutput {
				part.Acked(p.s.broker.append(rec))
			} else if at, ok := p.produce(rec); ok {
				part.Acked(at)
			}
			if view := p.g.View.Topic.Name; view != "" {
				rec.Topic = view
				p.produce(rec)
			}
		})
		if errors.Is(err, topology.ErrUnavailable) {
			for _, in := range p.inputs() {
				if in.partition == part.Number {
					p.hold(in)
				}
			}
		} else if err != nil {
			return err, false
		}
	}
	if fault == dirtyStore && p.folds {
		_ = r.rows.Store(p.w.clock())
	}
	return p.failed, r.again
}

// produce sends a record in the open transaction. Where it fails, the batch is
// condemned.
func (p *processor) produce(rec topology.Raw) (at int64, ok bool) {
	err := p.w.ask(func() (err error) {
		at, err = p.s.broker.produce(p.id, p.epoch, rec)
		return err
	})
	if err != nil && (fault != commitPastAFailure || errors.Is(err, errFenced)) {
		p.fail(err)
	}
	return at, err == nil
}

// end ends the transaction. Where the group has gone on without this worker,
// it is aborted, and that is no error; any other error leaves its outcome
// unknown.
func (p *processor) end(commit bool) (committed bool, err error) {
	r := &p.run
	b := p.s.broker
	if commit {
		err := p.w.ask(func() error {
			return b.commitPositions(p.id, p.epoch, p.name, p.w.name, r.generation, r.next)
		})
		if errors.Is(err, errGeneration) {
			commit = false
		} else if err != nil {
			return false, err
		}
	}
	if !commit {
		return false, p.abort()
	}
	if err := p.w.ask(func() error { return b.endTransaction(p.id, p.epoch, true) }); err != nil {
		return false, err
	}
	return true, nil
}

// abort takes the transaction and the positions back.
func (p *processor) abort() error {
	r := &p.run
	err := p.w.ask(func() error { return p.s.broker.endTransaction(p.id, p.epoch, false) })
	for _, in := range p.inputs() {
		r.fetched[in] = r.positions[in]
	}
	return err
}

func (p *processor) store() error {
	if !p.folds || fault == dirtyStore {
		return nil
	}
	return p.run.rows.Store(p.w.clock())
}

// disk is a local store that may fail to be written.
type disk struct {
	*rowlog.Memory
	w *worker
}

// Commit writes a batch or fails as a whole.
func (d disk) Commit(b *rowlog.Batch, placed func(i int, place rowlog.Ref)) error {
	if d.w.s.oneIn(rates.store) {
		return errStore
	}
	return d.Memory.Commit(b, placed)
}

var errStore = errors.New("the local store cannot be written")
