package engine

import (
	"context"
	"time"

	"payerflow/internal/topology"
)

// fed is up to when all that came into inputs with another partition count is
// known to be in the group's repartition topics. It is age's.
type fed struct {
	until time.Time // zero: not known
	asked time.Time
	ends  map[string]map[topicPartition]int64 // at that time, by feeding group; nil: ask
}

// fedUntil moves what is known on. Who folds a partition commits past what is
// in a repartition topic, and knows nothing of what has yet to come there.
func (g *group) fedUntil(ctx context.Context, s *survey) time.Time {
	whole := g.whole()
	if len(whole) == 0 {
		return s.at
	}
	f := &g.copies.fed
	for !f.until.Equal(s.at) {
		if f.ends == nil {
			f.asked, f.ends = s.at, map[string]map[topicPartition]int64{}
			for group, topics := range whole {
				f.ends[group] = s.of(topics)
			}
		}
		for group, ends := range f.ends {
			if !g.isPast(ctx, ends, s.fed[group]) {
				return f.until
			}
		}
		f.until, f.ends = f.asked, nil
	}
	return f.until
}

// whole are the inputs that all go through a repartition topic, by the group
// that reads them.
func (g *group) whole() map[string][]string {
	out := map[string][]string{}
	for _, in := range g.Inputs {
		if in.Whole {
			group := topology.FeedingGroup(g.Name, in.Topic.Partitions)
			out[group] = append(out[group], in.Topic.Name)
		}
	}
	return out
}
