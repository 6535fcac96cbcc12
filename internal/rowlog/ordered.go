package rowlog

import "github.com/google/btree"

// ordered maps spots to places in the log, 24 bytes each, in a tree: rows under
// one key stand side by side.
type ordered struct{ tree *btree.BTreeG[placed] }

type placed struct {
	spot
	ref Ref
}

// treeDegree makes nodes of about 3 KiB.
const treeDegree = 64

func newOrdered() *ordered {
	return &ordered{btree.NewG(treeDegree, func(a, b placed) bool {
		return a.before(b.spot) || a.spot == b.spot && a.ref < b.ref
	})}
}

func (x *ordered) len() int { return x.tree.Len() }

func (x *ordered) ascend(from spot, f func(spot, Ref) bool) {
	x.tree.AscendGreaterOrEqual(placed{spot: from}, func(p placed) bool { return f(p.spot, p.ref) })
}

func (x *ordered) each(at spot, f func(Ref) bool) {
	x.ascend(at, func(s spot, ref Ref) bool { return s == at && f(ref) })
}

func (x *ordered) replace(at spot, old, next Ref) bool {
	if !x.remove(at, old) {
		return false
	}
	x.insert(at, next)
	return true
}

func (x *ordered) insert(at spot, ref Ref) { x.tree.ReplaceOrInsert(placed{at, ref}) }

func (x *ordered) remove(at spot, ref Ref) bool {
	_, had := x.tree.Delete(placed{at, ref})
	return had
}
