package engine

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

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
			for _, n := range lag {
				behind += n
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
