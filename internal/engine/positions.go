package engine

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"payerflow/internal/topology"
)

// positions say how far a processor has folded its inputs, and up to when each
// is known to be folded.
type positions struct {
	mu       sync.RWMutex
	running  bool // the session's tables are restored
	next     map[topicPartition]int64
	caughtUp map[topicPartition]time.Time
	ends     map[topicPartition]end   // not yet reached
	lags     map[topicPartition]int64 // when last compared
	waiting  chan struct{}            // closed when positions move, nil where nobody waits
}

// end is where an input ended at a time. Under load a position is never at the
// end of the moment, and yet never far behind.
type end struct {
	offset int64
	at     time.Time
}

func newPositions() *positions {
	return &positions{next: map[topicPartition]int64{}, caughtUp: map[topicPartition]time.Time{}, ends: map[topicPartition]end{}, lags: map[topicPartition]int64{}}
}

func (p *positions) set(at topicPartition, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next[at] = next
	p.wake()
}

// wake tells those who wait. mu is held.
func (p *positions) wake() {
	if p.waiting != nil {
		close(p.waiting)
		p.waiting = nil
	}
}

// moves is closed when positions move.
func (p *positions) moves() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = make(chan struct{})
	}
	return p.waiting
}

func (p *positions) reset(running bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = running
	p.wake()
	if !running {
		clear(p.next)
		clear(p.caughtUp)
		clear(p.ends)
		clear(p.lags)
	}
}

// compare notes which inputs have reached an end that they once had, and
// returns the lag of each.
func (p *positions) compare(ends map[topicPartition]int64, now time.Time) map[topicPartition]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, offset := range ends {
		next := p.next[at]
		if was, waits := p.ends[at]; waits && next >= was.offset {
			p.caughtUp[at] = was.at
			delete(p.ends, at)
		}
		if next >= offset {
			p.caughtUp[at] = now
		} else if _, waits := p.ends[at]; !waits {
			p.ends[at] = end{offset, now}
		}
		p.lags[at] = max(0, offset-next)
	}
	return maps.Clone(p.lags)
}

// since returns how long ago every one of the inputs was last at its end;
// ok is false where one never was, or where the tables are not restored.
func (p *positions) since(now time.Time, inputs []topicPartition) (age time.Duration, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, at := range inputs {
		t, seen := p.caughtUp[at]
		if !seen {
			return 0, false
		}
		age = max(age, now.Sub(t))
	}
	return age, p.running
}

// lag is how many records lie between positions and the ends of inputs when
// last compared, -1 where one was not.
func (p *positions) lag(inputs []topicPartition) (all int64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, at := range inputs {
		n, compared := p.lags[at]
		if !compared {
			return -1
		}
		all += n
	}
	return all
}

// assigned lists the inputs of the session in progress.
func (p *positions) assigned() (out []topicPartition, running bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for at := range p.next {
		out = append(out, at)
	}
	return out, p.running
}

// inputs lists the inputs of the session in progress, in order.
func (p *positions) inputs() (out []topology.InputStatus) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for at, next := range p.next {
		lag, compared := p.lags[at]
		if !compared {
			lag = -1
		}
		out = append(out, topology.InputStatus{Topic: at.topic, Partition: at.partition, Offset: next, Lag: lag})
	}
	slices.SortFunc(out, func(a, b topology.InputStatus) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return out
}

func (p *positions) get(at topicPartition) int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.next[at]
}

// onAssigned starts the session's positions at what the group has committed.
func (p *processor) onAssigned(s *session) {
	p.positions.reset(false)
	ctx, cancel := context.WithTimeout(s.ctx, adminTimeout)
	defer cancel()
	committed, err := p.committed(ctx, s)
	if err != nil {
		p.log.Warn("committed offsets", "group", p.name, "error", err)
	}
	for at := range s.claims {
		p.positions.set(at, committed[at])
	}
}

// committed are the group's positions. It waits for a commit that is pending:
// a position before it might never be mended, for its records do not come again.
func (p *processor) committed(ctx context.Context, s *session) (map[topicPartition]int64, error) {
	req, err := s.positionsRequest(ctx)
	if err != nil {
		return nil, err
	}
	for {
		resp, err := req.RequestWith(ctx, s.rt.client)
		if err != nil {
			return nil, err
		}
		at, err := readPositions(resp)
		if !errors.Is(err, kerr.UnstableOffsetCommit) {
			return at, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// positionsRequest asks for each partition by its name. Asked for all that a
// group has, Kafka is silent on one whose first commit is pending.
func (s *session) positionsRequest(ctx context.Context) (*kmsg.OffsetFetchRequest, error) {
	var names []string
	for topic := range s.assigned {
		names = append(names, topic)
	}
	m, err := s.rt.admin.Metadata(ctx, names...)
	if err != nil {
		return nil, err
	}
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = s.rt.p.name
	for topic, partitions := range s.assigned {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.TopicID, t.Partitions = topic, m.Topics[topic].ID, partitions
		group.Topics = append(group.Topics, t)
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable, req.Groups = true, []kmsg.OffsetFetchRequestGroup{group}
	return req, nil
}

func readPositions(resp *kmsg.OffsetFetchResponse) (map[topicPartition]int64, error) {
	at := map[topicPartition]int64{}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return nil, err
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, err
				}
				at[topicPartition{t.Topic, p.Partition}] = max(0, p.Offset)
			}
		}
	}
	return at, nil
}

func (p *processor) onRunning(s *session) {
	p.owning.Store(s)
	p.positions.reset(true)
	go p.watch(s)
}

func (p *processor) onRevoked() {
	p.owning.Store(nil)
	p.positions.reset(false)
}

const (
	watchUntilFresh = 100 * time.Millisecond
	watchEvery      = time.Second
)

// watch compares positions with the ends of the inputs while a session runs:
// often until the first time that all are there, then once a second.
func (p *processor) watch(s *session) {
	every := watchUntilFresh
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-timer.C:
		}
		if lag, err := p.lag(s); err == nil {
			behind := int64(0)
			for at, n := range lag {
				behind += n
				p.g.e.metrics.lag.WithLabelValues(p.name, at.topic, strconv.Itoa(int(at.partition))).Set(float64(n))
			}
			if behind == 0 {
				every = watchEvery
			}
		} else if s.ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			p.log.Warn("ends of inputs", "group", p.name, "error", err)
			every = watchEvery
		}
		timer.Reset(every)
	}
}

func (p *processor) lag(s *session) (map[topicPartition]int64, error) {
	ctx, cancel := context.WithTimeout(s.ctx, adminTimeout)
	defer cancel()
	topics := make([]string, 0, len(s.assigned))
	for t := range s.assigned {
		topics = append(topics, t)
	}
	asked := time.Now()
	offsets, err := s.rt.admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	ends := map[topicPartition]int64{}
	offsets.Each(func(o kadm.ListedOffset) {
		at := topicPartition{o.Topic, o.Partition}
		if _, mine := s.claims[at]; mine && o.Err == nil {
			ends[at] = o.Offset
		}
	})
	lag := p.positions.compare(ends, asked)
	if p == p.g.folding {
		p.g.noteOwned(s, asked)
	}
	return lag, nil
}
