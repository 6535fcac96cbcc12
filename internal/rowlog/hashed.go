package rowlog

import "math/bits"

// hashed maps hashes to places in the log. It is a hash table with linear
// probing in which the home of a hash is its top bits and clusters are kept
// sorted: the whole array is in hash order. Equal hashes stand side by side.
type hashed struct {
	slots []slot
	bits  uint // homes are 1<<bits
	n     int
}

type slot struct {
	hash uint64
	ref  Ref // 0: empty
}

const (
	minBits     = 6
	maxLoadPart = 8 // of 10
)

func newHashed(n int) *hashed {
	b := uint(max(minBits, bits.Len(uint(n*10/maxLoadPart))))
	return &hashed{slots: make([]slot, 1<<b+spare), bits: b}
}

// spare is the room behind the last home for clusters that run over it; where
// it does not suffice, more is added.
const spare = 64

func (x *hashed) home(hash uint64) int { return int(hash >> (64 - x.bits)) }

// at returns the first slot that may hold a hash: none before it does.
func (x *hashed) at(hash uint64) int {
	i := x.home(hash)
	for i < len(x.slots) && x.slots[i].ref != 0 && x.slots[i].hash < hash {
		i++
	}
	return i
}

func (x *hashed) len() int { return x.n }

func (x *hashed) ascend(from spot, f func(spot, Ref) bool) {
	for i := x.at(from.hash); i < len(x.slots); i++ {
		if s := x.slots[i]; s.ref != 0 && !f(spot{hash: s.hash}, s.ref) {
			return
		}
	}
}

func (x *hashed) each(at spot, f func(Ref) bool) {
	for i := x.at(at.hash); i < len(x.slots) && x.slots[i].ref != 0 && x.slots[i].hash == at.hash; i++ {
		if !f(x.slots[i].ref) {
			return
		}
	}
}

func (x *hashed) replace(at spot, old, next Ref) bool {
	for i := x.at(at.hash); i < len(x.slots) && x.slots[i].ref != 0 && x.slots[i].hash == at.hash; i++ {
		if x.slots[i].ref == old {
			x.slots[i].ref = next
			return true
		}
	}
	return false
}

// insert adds a place behind others of its hash.
func (x *hashed) insert(at spot, ref Ref) {
	if (x.n+1)*10 > maxLoadPart<<x.bits {
		x.grow()
	}
	x.place(slot{at.hash, ref})
	x.n++
}

func (x *hashed) place(s slot) {
	i := x.home(s.hash)
	for i < len(x.slots) && x.slots[i].ref != 0 && x.slots[i].hash <= s.hash {
		i++
	}
	end := i
	for end < len(x.slots) && x.slots[end].ref != 0 {
		end++
	}
	if end == len(x.slots) {
		x.slots = append(x.slots, make([]slot, spare)...)
	}
	copy(x.slots[i+1:end+1], x.slots[i:end])
	x.slots[i] = s
}

func (x *hashed) grow() {
	next := &hashed{slots: make([]slot, 1<<(x.bits+1)+spare), bits: x.bits + 1}
	next.fill(x.slots)
	x.slots, x.bits = next.slots, next.bits
}

// fill appends slots that are in hash order: each goes to its home or right
// behind the one before.
func (x *hashed) fill(sorted []slot) {
	next := 0
	for _, s := range sorted {
		if s.ref == 0 {
			continue
		}
		i := max(next, x.home(s.hash))
		for i >= len(x.slots) {
			x.slots = append(x.slots, make([]slot, spare)...)
		}
		x.slots[i] = s
		next = i + 1
	}
}

// remove takes a place out and closes the gap.
func (x *hashed) remove(at spot, ref Ref) bool {
	i := x.at(at.hash)
	for i < len(x.slots) && x.slots[i].ref != ref {
		if x.slots[i].ref == 0 || x.slots[i].hash != at.hash {
			return false
		}
		i++
	}
	if i == len(x.slots) {
		return false
	}
	for j := i + 1; j < len(x.slots) && x.slots[j].ref != 0 && x.home(x.slots[j].hash) < j; j++ {
		x.slots[i] = x.slots[j]
		i = j
	}
	x.slots[i] = slot{}
	x.n--
	return true
}
