package rowlog

import "math"

// index says where the rows of a partition are, in their order. It holds no
// keys: rows of one spot are told apart by reading them.
type index interface {
	len() int
	// each calls f with the places of a spot until f returns false.
	each(at spot, f func(Ref) bool)
	// replace puts a new place in that of an old one; it says whether that was there.
	replace(at spot, old, next Ref) bool
	insert(at spot, ref Ref)
	remove(at spot, ref Ref) bool
	// ascend calls f with all places from a spot on, in their order, until f
	// returns false. f changes nothing.
	ascend(from spot, f func(spot, Ref) bool)
}

// spot is where a row stands among those of its partition.
type spot struct {
	run  uint64 // 32 bits of hash of what is before the suffix, and the suffix's number; 0 in a log without an order
	hash uint64 // of the key
}

func (s spot) before(o spot) bool { return s.run < o.run || s.run == o.run && s.hash < o.hash }

// next is the spot behind; ok is false behind the last.
func (s spot) next() (_ spot, ok bool) {
	if s.hash++; s.hash == 0 {
		s.run++
	}
	return s, s != spot{}
}

func (l *Log) newIndex(n int) index {
	if l.o.Order != nil {
		return newOrdered()
	}
	return newHashed(n)
}

// spotOf is where the row of a key stands.
func (l *Log) spotOf(key string) spot {
	if l.o.Order == nil {
		return spot{hash: l.o.hash(key)}
	}
	prefix, number := l.o.Order(key)
	return spot{l.runOf(key[:prefix], number), l.o.hash(key)}
}

func (l *Log) runOf(prefix string, number uint32) uint64 {
	return l.o.hash(prefix)&^math.MaxUint32 | uint64(number)
}
