package sim

import (
	"errors"
	"time"

	"payerflow/internal/topology"
)

// broker is a model of what Kafka promises to those who use transactions. It
// never forgets what it has acknowledged. What it leaves out is in
// docs/simulation.md.
type broker struct {
	topics    map[string]*topic
	producers map[string]*producer // by transactional id
	groups    map[string]*consumers
	now       time.Time
}

type topic struct {
	topology.Topic
	logs []*partitionLog
}

// partitionLog is one partition: start moves when records expire.
type partitionLog struct {
	start   int64
	records []*logged
	open    []*transaction // that have records here, in the order of their first
}

// logged is a record with the transaction that it belongs to; nil: none. A
// marker says that the transaction ended.
type logged struct {
	topology.Raw
	of     *transaction
	marker bool
}

type transaction struct {
	state  txState
	began  time.Time
	first  map[*partitionLog]int64 // offset of its first record, by partition
	logs   []*partitionLog         // in that order
	groups []*consumers            // that have positions pending
}

type txState int

const (
	txOpen txState = iota
	txCommitted
	txAborted
)

// producer is what the coordinator knows of a transactional id.
type producer struct {
	epoch int
	tx    *transaction // nil: none is open
}

var (
	errFenced     = errors.New("a newer producer has this transactional id")
	errRefused    = errors.New("the broker refused")
	errLost       = errors.New("the answer was lost")
	errUnstable   = errors.New("a commit of positions is pending")
	errGeneration = errors.New("the group has a newer generation")
	errRange      = errors.New("the position is not in the log")
)

func newBroker() *broker {
	return &broker{topics: map[string]*topic{}, producers: map[string]*producer{}, groups: map[string]*consumers{}}
}

func (b *broker) create(t topology.Topic) {
	if b.topics[t.Name] != nil {
		return
	}
	made := &topic{Topic: t}
	for range t.Partitions {
		made.logs = append(made.logs, &partitionLog{})
	}
	b.topics[t.Name] = made
}

func (b *broker) log(name string, partition int32) *partitionLog {
	return b.topics[name].logs[partition]
}

func (l *partitionLog) end() int64 { return int64(len(l.records)) }

// stable is the last stable offset: all before it is decided.
func (l *partitionLog) stable() int64 {
	if len(l.open) == 0 {
		return l.end()
	}
	return l.open[0].first[l]
}

func (l *partitionLog) append(r topology.Raw, of *transaction, marker bool) int64 {
	r.Offset = l.end()
	l.records = append(l.records, &logged{r, of, marker})
	return r.Offset
}

// read returns up to most committed records from a position on, and the
// position behind what was looked at: markers and what was aborted count there.
func (l *partitionLog) read(from int64, most int) (records []*topology.Raw, next int64, err error) {
	if from < l.start {
		return nil, from, errRange
	}
	for next = from; next < l.stable() && len(records) < most; next++ {
		if r := l.records[next]; !r.marker && (r.of == nil || r.of.state == txCommitted) {
			records = append(records, &r.Raw)
		}
	}
	return records, next, nil
}

// initProducer takes the next epoch of a transactional id: what is open under
// the old one is aborted, and whoever still uses it is refused.
func (b *broker) initProducer(id string) (epoch int) {
	p := b.producers[id]
	if p == nil {
		p = &producer{}
		b.producers[id] = p
	}
	b.end(p, false)
	p.epoch++
	return p.epoch
}

func (b *broker) current(id string, epoch int) (*producer, error) {
	p := b.producers[id]
	if p == nil || p.epoch != epoch {
		return nil, errFenced
	}
	if p.tx == nil {
		p.tx = &transaction{first: map[*partitionLog]int64{}, began: b.now}
	}
	return p, nil
}

// produce appends a record in the open transaction of a producer.
func (b *broker) produce(id string, epoch int, r topology.Raw) (int64, error) {
	p, err := b.current(id, epoch)
	if err != nil {
		return 0, err
	}
	l := b.log(r.Topic, r.Partition)
	if _, has := p.tx.first[l]; !has {
		p.tx.first[l] = l.end()
		p.tx.logs = append(p.tx.logs, l)
		l.open = append(l.open, p.tx)
	}
	return l.append(r, p.tx, false), nil
}

// commitPositions makes the positions of a group part of the open transaction.
func (b *broker) commitPositions(id string, epoch int, group, member string, generation int, at map[place]int64) error {
	g := b.groups[group]
	if err := g.check(member, generation); err != nil {
		return err
	}
	p, err := b.current(id, epoch)
	if err != nil {
		return err
	}
	if g.pending[p.tx] == nil {
		g.pending[p.tx] = map[place]int64{}
		p.tx.groups = append(p.tx.groups, g)
	}
	for in, next := range at {
		g.pending[p.tx][in] = next
	}
	return nil
}

func (b *broker) endTransaction(id string, epoch int, commit bool) error {
	p := b.producers[id]
	if p == nil || p.epoch != epoch {
		return errFenced
	}
	b.end(p, commit)
	return nil
}

// end decides what is open, with a marker in each partition.
func (b *broker) end(p *producer, commit bool) {
	tx := p.tx
	if tx == nil {
		return
	}
	p.tx = nil
	tx.state = txAborted
	if commit {
		tx.state = txCommitted
	}
	for _, l := range tx.logs {
		for i, open := range l.open {
			if open == tx {
				l.open = append(l.open[:i:i], l.open[i+1:]...)
				break
			}
		}
		l.append(topology.Raw{}, tx, true)
	}
	for _, g := range tx.groups {
		if commit {
			for in, next := range g.pending[tx] {
				g.committed[in] = next
			}
		}
		delete(g.pending, tx)
	}
}

// transactionTimeout is how long a transaction may be open.
const transactionTimeout = 20 * time.Second

// expire aborts what is open for too long, and refuses whoever opened it.
func (b *broker) expire() {
	for _, id := range sortedKeys(b.producers) {
		if p := b.producers[id]; p.tx != nil && b.now.Sub(p.tx.began) > transactionTimeout {
			b.end(p, false)
			p.epoch++
		}
	}
}

// append writes a record outside of any transaction.
func (b *broker) append(r topology.Raw) int64 {
	return b.log(r.Topic, r.Partition).append(r, nil, false)
}
