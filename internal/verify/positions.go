package verify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Follower is a consumer group's reading of a topic.
type Follower struct{ Group, Topic string }

// positions are the next offsets that groups have committed.
type positions map[Follower]map[int32]int64

// at is a group's next offset; 0 where it has committed none.
func (p positions) at(f Follower, partition int32) int64 { return max(0, p[f][partition]) }

func (l *Log) committed(ctx context.Context, followers []Follower) (positions, error) {
	byGroup := map[string][]string{}
	for _, f := range followers {
		if !slices.Contains(byGroup[f.Group], f.Topic) {
			byGroup[f.Group] = append(byGroup[f.Group], f.Topic)
		}
	}
	out := positions{}
	return out, l.admin(func(a *kadm.Client) error {
		for group, topics := range byGroup {
			got, err := a.FetchOffsetsForTopics(ctx, group, topics...)
			if err != nil {
				return fmt.Errorf("offsets of group %s: %w", group, err)
			}
			for _, topic := range topics {
				at := map[int32]int64{}
				for p, o := range got[topic] {
					if o.Err != nil {
						return fmt.Errorf("offsets of group %s: %w", group, o.Err)
					}
					at[p] = max(0, o.At)
				}
				out[Follower{group, topic}] = at
			}
		}
		return nil
	})
}

// behind is how many offsets groups have before them, the marks of
// transactions among them.
func (p positions) behind(ends spans) (n int64) {
	for f := range p {
		for partition, s := range ends[f.Topic] {
			n += max(0, s.to-max(s.from, p.at(f, partition)))
		}
	}
	return n
}

// settle waits until groups have folded all there is, or all that there was a
// moment ago, or their positions have stood still for one, or the time is over.
// It returns the positions, and whether nothing moves.
func (l *Log) settle(ctx context.Context, followers []Follower, wait time.Duration) (p positions, still bool, err error) {
	until := time.Now().Add(wait)
	was, looks := int64(-1), 0
	var before []spans // what there was, look by look
	for {
		ends, err := l.held(ctx, false, topicsOf(followers)...)
		if err != nil {
			return nil, false, err
		}
		if p, err = l.committed(ctx, followers); err != nil {
			return nil, false, err
		}
		behind := p.behind(ends)
		if looks++; behind != was {
			was, looks = behind, 0
		}
		if before = append(before, ends); behind == 0 || looks >= stillEnough {
			return p, true, nil
		}
		keepsUp := len(before) > upEnough && p.behind(before[len(before)-1-upEnough]) == 0
		if keepsUp || time.Now().After(until) {
			return p, false, nil
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-time.After(settleEvery):
		}
	}
}

const (
	settleEvery = 200 * time.Millisecond
	stillEnough = 5  // looks at which nothing has moved: what is left are marks, or nobody is there
	upEnough    = 10 // looks ago: who has folded all of then keeps up with what goes on
)
