package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

func topicsOf(followers []Follower) (topics []string) {
	for _, f := range followers {
		topics = append(topics, f.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// upTo takes the log up to given offsets, where those are asked for. Rows that
// know of later records are then left out, as those that move. It says whether
// the groups and the log are that far.
func (run *viewRun) upTo(vector Vector) bool {
	for _, f := range run.followers {
		for partition, want := range vector[f.Topic] {
			held, exists := run.held[f.Topic][partition]
			switch at := run.at.at(f, partition); {
			case !exists || want > held.to:
				run.c.undecided(fmt.Sprintf("%s/%d does not reach %d", f.Topic, partition, want))
			case at < want:
				run.c.undecided(fmt.Sprintf("%s is at %d of %s/%d, before %d", f.Group, at, f.Topic, partition, want))
			default:
				run.at[f][partition] = want
			}
		}
	}
	return run.c.Outcome == Equal
}

// leftOver notes the keys of what had not been folded when this began.
func (run *viewRun) leftOver(ctx context.Context, sources []source) error {
	run.m.tail()
	now, err := run.l.held(ctx, true, topicsOf(run.followers)...)
	if err != nil {
		return err
	}
	if err := run.fold(ctx, sources, now, func(s source, p int32, held span) span {
		return span{max(held.from, run.at.at(s.Follower, p)), held.to}
	}, false); err != nil {
		return err
	}
	if now, err = run.l.held(ctx, true, topicsOf(run.v.Between)...); err != nil {
		return err
	}
	todo := spans{}
	for _, b := range run.v.Between {
		for p, s := range now[b.Topic] {
			todo.set(b.Topic, p, span{max(s.from, run.at.at(b, p)), s.to})
		}
	}
	return run.l.read(ctx, todo, false, func(r *kgo.Record) error {
		for _, b := range run.v.Between {
			if b.Topic == r.Topic {
				run.waits(b, r)
			}
		}
		run.moves(storedKey(r, string(r.Key)))
		return nil
	})
}

// waits notes a record that lay before a group already when this began.
func (run *viewRun) waits(f Follower, r *kgo.Record) {
	if run.pass == 0 && r.Offset < run.held[r.Topic][r.Partition].to {
		run.waiting[f]++
	}
}

// moves leaves out a row, or what is listed under a key, that something is on
// its way to.
func (run *viewRun) moves(key string) {
	run.c.Counts["moving"]++
	delete(run.differ, key)
	for home, all := range run.differ {
		if strings.HasPrefix(all[0].key, key+under) {
			delete(run.differ, home)
		}
	}
}

// decided says that nothing follows where rows moved all the while, or where
// groups have stood still before records: both when this began and now.
func (run *viewRun) decided(ctx context.Context) error {
	moving := run.c.Counts["moving"]
	if moving == 0 || run.l.At != nil {
		return nil
	}
	if run.c.Counts["equal"] == 0 {
		run.c.undecided("every row moved while this ran")
	}
	if !run.still {
		return nil
	}
	now, err := run.l.committed(ctx, run.followers)
	if err != nil {
		return err
	}
	for _, f := range run.followers {
		if run.waiting[f] > 0 && !moved(run.at[f], now[f]) {
			run.c.undecided(fmt.Sprintf("%s has not moved before records of %s: is a worker running?", f.Group, f.Topic))
		}
	}
	return nil
}

func moved(was, is map[int32]int64) bool {
	for p, at := range is {
		if at > was[p] {
			return true
		}
	}
	return false
}
