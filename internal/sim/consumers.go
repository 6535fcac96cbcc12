package sim

import "slices"

// place is an input partition.
type place struct {
	topic     string
	partition int32
}

// consumers is a consumer group: static members, the eager range assignor.
type consumers struct {
	topics     []string // all with as many partitions
	partitions int
	generation int
	gathering  bool // a rebalance is under way
	members    map[string]*membership
	announced  map[string]string // worker -> transactional id, of those who came and did not say goodbye
	committed  map[place]int64
	pending    map[*transaction]map[place]int64
}

type membership struct {
	joined     bool // for the generation that is being made
	generation int
	partitions []int32
}

func (b *broker) group(name string, topics []string, partitions int) *consumers {
	g := b.groups[name]
	if g == nil {
		g = &consumers{topics: topics, partitions: partitions, members: map[string]*membership{}, announced: map[string]string{},
			committed: map[place]int64{}, pending: map[*transaction]map[place]int64{}}
		b.groups[name] = g
	}
	return g
}

// check refuses who is not a member of the generation.
func (g *consumers) check(member string, generation int) error {
	if m := g.members[member]; m == nil || m.generation != generation {
		return errGeneration
	}
	return nil
}

// stale says whether a member has to join again.
func (g *consumers) stale(member string, generation int) bool {
	return g.gathering || g.check(member, generation) != nil
}

// join asks for a part in the next generation. A static member that comes back
// to a group at rest keeps what it had.
func (g *consumers) join(member string) {
	m := g.members[member]
	switch {
	case m == nil:
		m = &membership{}
		g.members[member] = m
	case !g.gathering && m.generation == g.generation:
		return
	}
	m.joined, m.generation, g.gathering = true, 0, true
	g.complete()
}

// leave takes a member out: it said so, or was silent for too long.
func (g *consumers) leave(member string) {
	if g.members[member] == nil {
		return
	}
	delete(g.members, member)
	g.gathering = len(g.members) > 0
	g.complete()
}

// complete makes the generation once all members have joined.
func (g *consumers) complete() {
	var names []string
	for name, m := range g.members {
		if !m.joined {
			return
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	g.generation++
	g.gathering = false
	each, more, next := g.partitions/len(names), g.partitions%len(names), int32(0)
	for i, name := range names {
		m := g.members[name]
		m.joined, m.generation, m.partitions = false, g.generation, nil
		n := each
		if i < more {
			n++
		}
		for range n {
			m.partitions = append(m.partitions, next)
			next++
		}
	}
}

// stablePositions are the committed positions of these partitions, once no
// commit of them is pending.
func (g *consumers) stablePositions(partitions []int32) (map[place]int64, error) {
	at := map[place]int64{}
	for _, topic := range g.topics {
		for _, p := range partitions {
			in := place{topic, p}
			for _, pending := range g.pending {
				if _, is := pending[in]; is {
					return nil, errUnstable
				}
			}
			at[in] = g.committed[in]
		}
	}
	return at, nil
}
