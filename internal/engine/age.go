package engine

import (
	"context"
	"time"

	"payerflow/internal/topology"
)

// ageEvery is how often it is found out what copies hold.
const ageEvery = time.Second

// age finds out what the copies hold that this worker does not fold, and which
// tables there are, until ctx ends.
func (e *Engine) age(ctx context.Context) {
	tick := time.NewTicker(ageEvery)
	defer tick.Stop()
	var origins time.Time
	for {
		cl, err := e.progress.cluster()
		if err == nil && time.Since(origins) > originsEvery {
			if err = e.readOrigins(cl); err == nil {
				origins = time.Now()
			}
		}
		for _, g := range e.views {
			if err == nil {
				err = g.ageCopies(ctx)
			}
		}
		if err != nil && ctx.Err() == nil {
			e.log.Warn("how old copies of tables are is not known for now", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// chase is how the ends that inputs had at a moment come to a copy: first the
// group commits past them, then the copy comes to where the changelog ended
// when that was seen.
type chase struct {
	at        time.Time
	ends      map[topicPartition]int64
	committed bool
	positions []topology.Position
	changelog int64
}

// followed are the partitions that are here and are folded elsewhere.
func (g *group) followed() (out []int32) {
	for p := range int32(g.Table.Partitions) {
		if st := g.e.state.opened(g.Table.Name, p); st != nil && st.standby {
			out = append(out, p)
		}
	}
	return out
}

// ageCopies moves the chase of each copy on.
func (g *group) ageCopies(ctx context.Context) error {
	partitions := g.followed()
	if len(partitions) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	now, progress := time.Now(), g.e.progress
	ends, err := progress.stable(ctx, g.reads)
	if err != nil {
		return err
	}
	committed, err := progress.committed(ctx, g.Name, time.Now())
	if err != nil {
		return err
	}
	tables, err := progress.ends(ctx, []string{g.Table.Name})
	if err != nil {
		return err
	}
	for _, p := range partitions {
		c := g.copies.chase(p)
		if c.at.IsZero() {
			c.at, c.ends = now, map[topicPartition]int64{}
			for _, in := range g.inputs(p) {
				c.ends[in] = ends[in]
			}
		}
		if !c.committed && g.isPast(ctx, c.ends, committed) {
			c.committed, c.changelog = true, tables[topicPartition{g.Table.Name, p}]
			for _, in := range g.inputs(p) {
				c.positions = append(c.positions, topology.Position{Topic: in.topic, Partition: p, Offset: committed[in]})
			}
		}
		if here := g.changelog(p); c.committed && g.reaches(ctx, p, here+1, c.changelog) {
			lag := int64(0)
			for _, in := range g.inputs(p) {
				lag += max(0, ends[in]-committed[in])
			}
			g.copies.note(p, known{at: c.at, positions: c.positions, lag: lag, changelog: here})
			*c = chase{}
		}
	}
	return nil
}

// isPast says whether a group is past offsets, but for markers.
func (g *group) isPast(ctx context.Context, ends, committed map[topicPartition]int64) bool {
	for at, offset := range ends {
		if committed[at] >= offset {
			continue
		}
		if cl, err := g.e.progress.cluster(); err != nil || !cl.nothingBetween(ctx, at, committed[at], offset) {
			return false
		}
	}
	return true
}

// reaches says whether nothing is missing in a copy up to an offset of the
// changelog.
func (g *group) reaches(ctx context.Context, partition int32, next, offset int64) bool {
	if next >= offset {
		return true
	}
	cl, err := g.e.progress.cluster()
	return err == nil && cl.nothingBetween(ctx, topicPartition{g.Table.Name, partition}, next, offset)
}

// changelog is the offset up to which the rows that are here go.
func (g *group) changelog(partition int32) int64 {
	log, _ := g.e.state.copy(g.Table.Name)
	if log == nil {
		return -1
	}
	offset, _ := log.Offset(partition)
	if st := g.e.state.opened(g.Table.Name, partition); st != nil && st.standby && st.recovered.Load() {
		followed, _ := st.GetOffset(-1) // also past markers
		return max(offset, followed)
	}
	return offset
}
