package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/internal/topology"
)

// progress asks the brokers how far groups are and where topics end, for all
// who wait: who asks while a question is under way shares the next one.
type progress struct {
	cfg     Config
	mu      sync.Mutex
	cl      *cluster // nil until somebody asks
	answers map[string]*shared
}

// shared is the latest answer to a question that many ask.
type shared struct {
	mu    sync.Mutex
	asked time.Time // when what is known was asked for
	known map[topicPartition]int64
}

func newProgress(cfg Config) *progress { return &progress{cfg: cfg, answers: map[string]*shared{}} }

func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cl != nil {
		p.cl.close()
		p.cl = nil
	}
}

// cluster is what questions are asked through.
func (p *progress) cluster() (*cluster, error) {
	_, cl, err := p.question("")
	return cl, err
}

func (p *progress) question(name string) (*shared, *cluster, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cl == nil {
		cl, err := openCluster(p.cfg)
		if err != nil {
			return nil, nil, err
		}
		p.cl = cl
	}
	s := p.answers[name]
	if s == nil {
		s = &shared{}
		p.answers[name] = s
	}
	return s, p.cl, nil
}

// since returns an answer that was asked for after a moment.
func (s *shared) since(moment time.Time, ask func() (map[topicPartition]int64, error)) (map[topicPartition]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known != nil && s.asked.After(moment) {
		return s.known, nil
	}
	asked := time.Now()
	known, err := ask()
	if err != nil {
		return nil, err
	}
	s.asked, s.known = asked, known
	return known, nil
}

// ends are the high watermarks of topics. Last stable offsets would not do: a
// commit shows in a group's offsets before its markers show in the outputs.
func (p *progress) ends(ctx context.Context, topics []string) (map[topicPartition]int64, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	topics = slices.Sorted(slices.Values(topics))
	s, cl, err := p.question("ends " + strings.Join(topics, " "))
	if err != nil {
		return nil, err
	}
	return s.since(time.Now(), func() (map[topicPartition]int64, error) {
		return listed(cl.admin.ListEndOffsets(ctx, topics...))
	})
}

func listed(offsets kadm.ListedOffsets, err error) (map[topicPartition]int64, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: ends: %w", topology.ErrUnavailable, err)
	}
	out := map[topicPartition]int64{}
	offsets.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			err = fmt.Errorf("%w: end of %s/%d: %w", topology.ErrUnavailable, o.Topic, o.Partition, o.Err)
		}
		out[topicPartition{o.Topic, o.Partition}] = o.Offset
	})
	return out, err
}

// committed are the positions of a group in the inputs that it has committed.
// A commit that is pending is waited for.
func (p *progress) committed(ctx context.Context, group string, moment time.Time) (map[topicPartition]int64, error) {
	s, cl, err := p.question("committed " + group)
	if err != nil {
		return nil, err
	}
	return s.since(moment, func() (map[topicPartition]int64, error) {
		offsets, err := cl.admin.FetchOffsets(ctx, group)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return map[topicPartition]int64{}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: positions of %s: %w", topology.ErrUnavailable, group, err)
		}
		return stableOf(offsets), nil
	})
}

// past waits until a group has committed past offsets of a topic.
func (p *progress) past(ctx context.Context, group, topic string, need map[int32]int64) error {
	waits := map[int32]int64{}
	for partition, offset := range need {
		if offset > 0 {
			waits[partition] = offset
		}
	}
	look, began := firstLook, time.Now()
	for looked := began; len(waits) > 0; looked = time.Now() {
		have, err := p.committed(ctx, group, looked)
		if denied(err) {
			return &topology.NotReachedError{Group: group, Topic: topic, Refused: true}
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, topology.ErrUnavailable) {
			return err
		}
		for partition, offset := range waits {
			if have[topicPartition{topic, partition}] >= offset {
				delete(waits, partition)
			}
		}
		if len(waits) > 0 && err == nil && time.Since(began) > markersAfter {
			p.passMarkers(ctx, topic, have, waits)
			began = time.Now()
		}
		if len(waits) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return &topology.NotReachedError{Group: group, Topic: topic}
		case <-time.After(look):
		}
		look = min(2*look, lastLook)
	}
	return nil
}

// passMarkers takes those out of what is waited for where no record lies
// between: a group that meets markers alone commits nothing.
func (p *progress) passMarkers(ctx context.Context, topic string, have map[topicPartition]int64, waits map[int32]int64) {
	for partition, offset := range waits {
		at := topicPartition{topic, partition}
		if cl, err := p.cluster(); err == nil && cl.nothingBetween(ctx, at, have[at], offset) {
			delete(waits, partition)
		}
	}
}
