package sim

import (
	"errors"
	"strconv"
	"time"

	"payerflow/internal/batching"
	"payerflow/internal/topology"
)

// work is the way of records through a processor: batching.Work, with a broker
// that is a model.
type work struct {
	p      *processor
	source topology.Topic // whose dead letters these are
	in     int
	batching.Work
}

// dispatch folds what was polled. It says how many records it took up.
func (p *processor) dispatch() (n int) {
	polled := p.run.polled
	p.run.polled = nil
	for _, one := range polled {
		n += len(one.records)
		in, via := p.viaOf[one.in.topic]
		if !via {
			in = p.inputOf[one.in.topic]
		}
		w := &work{p: p, source: p.g.Inputs[in].Topic, in: in, Work: batching.NewWork(p.run.rows, p.run.rows.Part(one.in.partition))}
		for _, rec := range one.records {
			if p.failed != nil || p.run.again && fault != commitPastAFailure {
				break
			}
			err := w.take(rec, via)
			if errors.Is(err, topology.ErrUnavailable) {
				p.hold(one.in)
			} else if err != nil {
				p.fail(err)
			}
		}
	}
	return n
}

// take is the way of one record.
func (w *work) take(rec *topology.Raw, via bool) error {
	g, raw := w.p.g, *rec
	if !via {
		if g.Inputs[w.in].PassesBy(&raw) {
			return nil
		}
		if !w.p.folds || topology.Partition(raw.Key, g.Table.Partitions) != raw.Partition {
			w.forward(raw)
			return nil
		}
	} else {
		batching.Original(&raw)
		if in, ok := w.p.inputOf[raw.Topic]; ok {
			w.in, w.source = in, g.Inputs[in].Topic
		}
	}
	if err := w.p.s.registryAway(); err != nil {
		return err
	}
	w.Begin(raw)
	_, err := w.Fold(w.in, w.p.w.clock(), w, w)
	return err
}

// forward puts a record at the partition of its key, with its first coordinates.
func (w *work) forward(raw topology.Raw) {
	to := raw
	to.Topic = w.p.g.Inputs[w.in].Via.Name
	to.Partition = topology.Partition(raw.Key, w.p.g.Inputs[w.in].Via.Partitions)
	to.Headers = append(raw.Headers[:len(raw.Headers):len(raw.Headers)],
		topology.Header{Key: topology.HeaderTopic, Value: []byte(raw.Topic)},
		topology.Header{Key: topology.HeaderPartition, Value: strconv.AppendInt(nil, int64(raw.Partition), 10)},
		topology.Header{Key: topology.HeaderOffset, Value: strconv.AppendInt(nil, raw.Offset, 10)})
	w.p.produce(to)
}

// Park and Emit are batching.Out.
func (w *work) Park(why *topology.Parked) error {
	dead := w.Raw
	dead.Topic = w.source.DLQ().Name
	dead.Headers = append(topology.Inherited(&w.Raw),
		topology.Header{Key: headerCode, Value: []byte(why.Code)},
		topology.Header{Key: headerPlace, Value: []byte(placeOf(&w.Raw))})
	w.p.produce(dead)
	return nil
}

const headerCode, headerPlace = "code", "place"

// placeOf names a record by its first coordinates.
func placeOf(r *topology.Raw) string {
	return r.Topic + "/" + strconv.Itoa(int(r.Partition)) + "/" + strconv.FormatInt(r.Offset, 10)
}

// Emit produces an output.
func (w *work) Emit(e topology.Emission) error {
	w.p.produce(topology.Raw{Topic: e.Topic.Name, Partition: topology.Partition([]byte(e.Key), e.Topic.Partitions), Key: []byte(e.Key),
		Value: e.Value, Timestamp: w.Raw.Timestamp, Headers: topology.HeadersOf(&w.Raw, e.Headers)})
	return nil
}

// Join, Lookup and Pinned are what else a topology.Reader reads. No group of
// the simulated worlds joins a copy of another's table.
func (w *work) Join(table string) any { panic("the simulation has no copy of " + table) }

// Lookup is not simulated.
func (w *work) Lookup(table, _ string) any { panic("the simulation has no copy of " + table) }

// Pinned is what the transaction is pinned to.
func (w *work) Pinned() topology.Pinned { return w.p.run.pinned }

// nextTick is when the first partition wants a tick.
func (p *processor) nextTick() (first time.Time, ok bool) {
	for part := range p.run.rows.All() {
		if at, waits := p.tickAt(part); waits && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	return first, ok
}

func (p *processor) tickAt(part *batching.Part) (at time.Time, ok bool) {
	if part.Deadlines == nil {
		return at, false
	}
	at, ok = part.Deadlines.Next()
	if p.s.now.Before(p.run.ticks[part.Number]) {
		return at, false
	}
	return at, ok
}

// tick wakes what is due, as the engine's tick does.
func (p *processor) tick() error {
	now := p.w.clock()
	for part := range p.run.rows.All() {
		if p.run.again && fault != commitPastAFailure {
			return nil
		}
		if at, waits := p.tickAt(part); !waits || at.After(now) {
			continue
		}
		err := p.tickPartition(part, now)
		if errors.Is(err, topology.ErrUnavailable) {
			for _, in := range p.inputs() {
				if in.partition == part.Number {
					p.hold(in)
				}
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *processor) tickPartition(part *batching.Part, now time.Time) error {
	due, tick := p.run.rows.Tick(part, now, func(topic string) int64 {
		in := place{topic, part.Number}
		if at, polled := p.run.next[in]; polled {
			return at
		}
		return p.run.positions[in]
	})
	value, err := tick.Encode()
	if err != nil {
		return err
	}
	p.produce(topology.Raw{Topic: p.g.Ticks.Name, Partition: part.Number, Value: value, Timestamp: tick.Clock})
	w := &work{p: p, source: p.g.Ticks, Work: batching.NewWork(p.run.rows, part)}
	if p.g.Outside {
		return p.effects(w, due, tick.Clock)
	}
	for _, d := range due {
		if _, err := w.Wake(d, tick.Clock, p.run.pinned, w); err != nil {
			return err
		}
	}
	return nil
}

// effects tries what is due outside.
func (p *processor) effects(w *work, due []batching.Deadline, clock time.Time) error {
	all, err := w.Backlogs(due)
	if err != nil {
		return err
	}
	w.source = p.g.Inputs[0].Topic
	for _, t := range all {
		t.Try(func() bool { return p.s.oneIn(rates.late) }, func(pending topology.Pending, key string, _ bool, attempt int) error {
			return p.w.ask(func() error { return p.s.outside(p.g.Name, key, pending, attempt) })
		})
		if err := w.Settle(t, clock, func(why *topology.Parked, _ int) error { return w.Park(why) }); err != nil {
			return err
		}
	}
	return nil
}
