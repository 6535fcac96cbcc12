package batching

import (
	"cmp"
	"strings"

	"github.com/google/btree"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// changes are the dirty rows of a partition in the order of the log, for those
// who read rows under a key.
type changes struct {
	tree *btree.BTreeG[change]
	seen int // of the dirty rows, how many are in the tree
}

type change struct {
	run, hash uint64
	*Row
}

func changeOf(log Store, kept *Row) change {
	at := log.PlaceOf(kept.Key)
	return change{at.Run, at.Hash, kept}
}

func (c change) compare(run, hash uint64, key string) int {
	return cmp.Or(cmp.Compare(c.run, run), cmp.Compare(c.hash, hash), cmp.Compare(c.Key, key))
}

// changed are the dirty rows whose keys begin with a prefix, behind a row: up
// to limit of those that are there, and what is gone before these.
func (r *Rows) changed(p *Part, prefix string, behind change, limit int) (out []change) {
	if p.changes == nil {
		p.changes = &changes{tree: btree.NewG(treeDegree, func(a, b change) bool { return a.compare(b.run, b.hash, b.Key) < 0 })}
	}
	for _, kept := range p.dirty[p.changes.seen:] {
		p.changes.tree.ReplaceOrInsert(changeOf(r.log, kept))
	}
	p.changes.seen = len(p.dirty)
	p.changes.tree.AscendGreaterOrEqual(behind, func(c change) bool {
		if c.run>>32 != behind.run>>32 || limit == 0 {
			return false
		}
		if under(c.Key, prefix) && c.Key != behind.Key {
			out = append(out, c)
			if c.Value != nil {
				limit--
			}
		}
		return true
	})
	return out
}

// under says whether a stored key is what stands under a prefix.
func under(stored, prefix string) bool {
	n, _ := topology.PrefixOf(stored)
	return stored[:n] == prefix
}

// behind is where the row with the suffix after stands, or for "" where rows
// under a key begin.
func (r *Rows) behind(prefix, after string) change {
	if after != "" {
		return changeOf(r.log, &Row{Key: prefix + after})
	}
	return change{run: r.log.PlaceOf(prefix).Run, Row: &Row{}}
}

// under reads up to limit rows whose stored keys begin with a prefix, behind
// the suffix after, as the open transaction has left them.
func (r *Rows) under(p *Part, prefix, after string, limit int) (out []topology.Sub, err error) {
	behind := r.behind(prefix, after)
	dirty := r.changed(p, prefix, behind, limit)
	add := func(key string, value any) bool {
		if value != nil && len(out) < limit {
			out = append(out, topology.Sub{Suffix: strings.TrimPrefix(key, prefix), Row: value})
		}
		return len(out) < limit
	}
	from := rowlog.Place{Run: behind.run, Hash: behind.hash}
	listErr := r.log.Under(p.Number, prefix, from, limit, func(l rowlog.Row) bool {
		if behind.compare(l.Run, l.Hash, l.Key) >= 0 {
			return true
		}
		for len(dirty) > 0 && dirty[0].compare(l.Run, l.Hash, l.Key) < 0 {
			if !add(dirty[0].Key, dirty[0].Value) {
				return false
			}
			dirty = dirty[1:]
		}
		if len(dirty) > 0 && dirty[0].Key == l.Key {
			c := dirty[0]
			dirty = dirty[1:]
			return add(c.Key, c.Value)
		}
		var value any
		if value, err = r.decode(l.Value); err != nil {
			return false
		}
		return add(l.Key, value)
	})
	if err == nil {
		err = listErr
	}
	for _, c := range dirty {
		add(c.Key, c.Value)
	}
	return out, err
}
