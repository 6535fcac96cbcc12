package sim

import (
	"time"

	"payerflow/internal/rowlog"
)

// restore brings the local rows of a partition to the end that the changelog
// had when it began. It waits for transactions that are undecided there.
type restore struct {
	partition int32
	next, end int64
}

func (p *processor) restoreSome() {
	if p.group.stale(p.w.name, p.run.generation) {
		p.again()
		return
	}
	if len(p.run.left) == 0 {
		p.begin()
		return
	}
	partition := p.run.left[0]
	log, store := p.s.broker.log(p.g.Table.Name, partition), p.w.store(p.g.Table.Name)
	r := p.run.restore
	if r == nil {
		var b rowlog.Batch
		if len(store.Rows(partition)) > 0 && store.Offset(partition) < 0 {
			b.Wipe(partition)
			_ = store.Commit(&b, nil) // memory does not fail
		}
		r = &restore{partition, max(log.start, store.Offset(partition)+1), log.end()}
		p.run.restore = r
	}
	if r.next < r.end {
		records, next, err := log.read(r.next, 1+p.s.r.IntN(32))
		if err != nil {
			p.rest("cannot restore", err)
			return
		}
		if next == r.next {
			return // undecided
		}
		var b rowlog.Batch
		for _, rec := range records {
			if rec.Value == nil {
				b.Delete(partition, string(rec.Key))
			} else {
				b.Put(partition, string(rec.Key), rec.Value, 0)
			}
		}
		b.SetOffset(partition, next-1, time.Time{})
		_ = store.Commit(&b, nil)
		r.next = next
	}
	if r.next >= r.end {
		p.run.restore, p.run.left = nil, p.run.left[1:]
		p.tell("has restored a partition", nil)
	}
}
