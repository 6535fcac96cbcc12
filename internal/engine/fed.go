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
	past  map[topicPartition]int64            // what is known to be past, markers too
}

// fedUntil moves what is known on. Who folds a partition commits past what is
// in a repartition topic, and knows nothing of what has yet to come there.
func (g *group) fedUntil(ctx context.Context, now time.Time) (time.Time, error) {
	whole := g.whole()
	if len(whole) == 0 {
		return now, nil
	}
	f := &g.copies.fed
	if f.ends == nil {
		ends := map[string]map[topicPartition]int64{}
		for group, topics := range whole {
			at, err := g.e.progress.stable(ctx, topics)
			if err != nil {
				return f.until, err
			}
			ends[group] = at
		}
		f.asked, f.ends = now, ends
	}
	for group, ends := range f.ends {
		committed, err := g.e.progress.committed(ctx, group, time.Now())
		if err != nil {
			return f.until, err
		}
		if !f.isPast(ctx, g, ends, committed) {
			return f.until, nil
		}
	}
	f.until, f.ends = f.asked, nil
	return f.until, nil
}

func (f *fed) isPast(ctx context.Context, g *group, ends, committed map[topicPartition]int64) bool {
	if f.past == nil {
		f.past = map[topicPartition]int64{}
	}
	for at, offset := range ends {
		if offset > f.past[at] && !g.isPast(ctx, map[topicPartition]int64{at: offset}, committed) {
			return false
		}
		f.past[at] = offset
	}
	return true
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
