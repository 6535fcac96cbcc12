package batching

import (
	"sync"

	"payerflow/internal/topology"
)

// Part is one partition of a session: it belongs to whoever folds its records
// while they are folded, and to the batch afterwards.
type Part struct {
	Number    int32
	Deadlines *Deadlines // nil: the group has no timer

	steps      *topology.Stepper
	young, old map[string]*Row // two generations: what is not used falls out of the old one
	bytes      int             // of young
	dirty      []*Row
	changes    *changes // what is dirty under keys; nil: nobody has asked
	encoded    [][]byte
	mu         sync.Mutex
	offset     int64 // changelog offset of the newest dirty row
}

func (r *Rows) newPart(number int32) *Part {
	return &Part{Number: number, steps: r.g.Stepper(number), young: map[string]*Row{}, offset: -1}
}

// Changed is how many rows the open transaction has changed.
func (p *Part) Changed() int { return len(p.dirty) }

// Acked says that a changed row is in the changelog at an offset. It may be
// called by any goroutine.
func (p *Part) Acked(offset int64) {
	p.mu.Lock()
	p.offset = max(p.offset, offset)
	p.mu.Unlock()
}

// set changes a row in the open transaction, or takes it away: then its value
// is nil.
func (p *Part) set(kept *Row, value any) {
	value = topology.Kept(value)
	if p.Deadlines != nil {
		p.Deadlines.move(kept.Key, kept.Value, value)
	}
	kept.Value = value
	if !kept.dirty {
		kept.dirty = true
		p.dirty = append(p.dirty, kept)
		p.young[kept.Key] = kept // it may have fallen out since it was loaded
	}
}

// settle says that the transaction has committed.
func (p *Part) settle() {
	for _, kept := range p.dirty {
		kept.dirty, kept.told = false, false
	}
	p.dirty, p.changes, p.encoded, p.offset = p.dirty[:0], nil, p.encoded[:0], -1
	if p.Deadlines != nil {
		p.Deadlines.settle()
	}
}
