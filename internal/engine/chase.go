package engine

import (
	"context"
	"time"

	"payerflow/internal/topology"
)

// chase is how the ends that inputs had at a moment come to a copy: first the
// group commits past them, then the copy comes to where the changelog ended
// when that was seen.
type chase struct {
	at        time.Time
	ends      map[topicPartition]int64
	committed bool
	positions []topology.Position
	lag       int64
	changelog int64
}

func (c *chase) begin(g *group, partition int32, s *survey, until time.Time) {
	if !until.IsZero() {
		*c = chase{at: until, ends: s.ends(g.inputs(partition))}
	}
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

// chase moves the chase of a copy on. Where one ends the next begins with the
// same survey, and may end with it too.
func (g *group) chase(ctx context.Context, partition int32, s *survey, until time.Time) {
	c := g.copies.chase(partition)
	if c.at.IsZero() {
		c.begin(g, partition, s, until)
	}
	for g.moved(ctx, partition, c, s) {
		latest := c.at.Equal(until)
		if g.arrived(partition, c); latest {
			return
		}
		c.begin(g, partition, s, until)
	}
}

// moved moves a chase on, and says whether it has come to its end.
func (g *group) moved(ctx context.Context, partition int32, c *chase, s *survey) bool {
	if c.at.IsZero() {
		return false
	}
	if folded := s.folded[g.Name]; !c.committed && g.isPast(ctx, c.ends, folded) {
		c.committed, c.changelog = true, s.tables[topicPartition{g.Table.Name, partition}]
		ends := s.ends(g.inputs(partition))
		for _, in := range g.inputs(partition) {
			c.positions = append(c.positions, topology.Position{Topic: in.topic, Partition: partition, Offset: folded[in]})
			c.lag += max(0, ends[in]-folded[in])
		}
	}
	return c.committed && g.nothing(ctx, topicPartition{g.Table.Name, partition}, g.changelog(partition)+1, c.changelog)
}

// arrived notes the end of a chase.
func (g *group) arrived(partition int32, c *chase) {
	g.copies.note(partition, known{at: c.at, positions: c.positions, lag: c.lag, changelog: g.changelog(partition)})
	*c = chase{}
}

// isPast says whether a group is past offsets, but for markers.
func (g *group) isPast(ctx context.Context, ends, committed map[topicPartition]int64) bool {
	for at, offset := range ends {
		if !g.nothing(ctx, at, committed[at], offset) {
			return false
		}
	}
	return true
}

// nothing says whether no record lies between two offsets, and keeps what was
// found: most of what is asked about stays as it is. It is age's alone.
func (g *group) nothing(ctx context.Context, at topicPartition, from, to int64) bool {
	if from >= to {
		return true
	}
	free := g.copies.free[at]
	if from < free.from || from > free.to || to < free.to {
		free = stretch{from, from}
	}
	cl, err := g.e.progress.cluster()
	if err != nil || !cl.nothingBetween(ctx, at, free.to, to) {
		return false
	}
	free.to = to
	g.copies.keep(at, free)
	return true
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
