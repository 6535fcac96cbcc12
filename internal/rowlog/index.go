package rowlog

import "math/bits"

// index maps hashes to places in the log. It is a hash table with linear
// probing in which the home of a hash is its top bits and clusters are kept
// sorted: the whole array is in hash order. Equal hashes stand side by side.
type index struct {
	slots []slot
	bits  uint // homes are 1<<bits
	n     int
}

type slot struct {
	hash uint64
	ref  Ref // 0: empty
}

// Ref is the place of an entry: segment (16 bits), offset (28 bits) and length
// (20 bits), the last two in units of 16 bytes. No entry is at 0.
type Ref uint64

const (
	unit        = 16
	lengthBits  = 20
	offsetBits  = 28
	maxEntry    = unit << lengthBits
	maxSegment  = unit << offsetBits
	minBits     = 6
	maxLoadPart = 8 // of 10
)

func makeRef(segment uint16, offset, length int64) Ref {
	return Ref(segment)<<(offsetBits+lengthBits) | Ref(offset/unit)<<lengthBits | Ref(length/unit-1)
}

func (r Ref) segment() uint16 { return uint16(r >> (offsetBits + lengthBits)) }
func (r Ref) offset() int64   { return int64(r>>lengthBits&(1<<offsetBits-1)) * unit }
func (r Ref) length() int64   { return int64(r&(1<<lengthBits-1)+1) * unit }

func newIndex(n int) *index {
	b := uint(max(minBits, bits.Len(uint(n*10/maxLoadPart))))
	return &index{slots: make([]slot, 1<<b+spare), bits: b}
}

// spare is the room behind the last home for clusters that run over it; where
// it does not suffice, more is added.
const spare = 64

func (x *index) home(hash uint64) int { return int(hash >> (64 - x.bits)) }

// at returns the first slot that may hold a hash: none before it does.
func (x *index) at(hash uint64) int {
	i := x.home(hash)
	for i < len(x.slots) && x.slots[i].ref != 0 && x.slots[i].hash < hash {
		i++
	}
	return i
}

// each calls f with the places of a hash until f returns false.
func (x *index) each(hash uint64, f func(Ref) bool) {
	for i := x.at(hash); i < len(x.slots) && x.slots[i].ref != 0 && x.slots[i].hash == hash; i++ {
		if !f(x.slots[i].ref) {
			return
		}
	}
}

// replace puts a new place in that of an old one; it says whether that was there.
func (x *index) replace(hash uint64, old, next Ref) bool {
	for i := x.at(hash); i < len(x.slots) && x.slots[i].ref != 0 && x.slots[i].hash == hash; i++ {
		if x.slots[i].ref == old {
			x.slots[i].ref = next
			return true
		}
	}
	return false
}

// insert adds a place behind others of its hash.
func (x *index) insert(hash uint64, ref Ref) {
	if (x.n+1)*10 > maxLoadPart<<x.bits {
		x.grow()
	}
	x.place(slot{hash, ref})
	x.n++
}

func (x *index) place(s slot) {
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

func (x *index) grow() {
	next := &index{slots: make([]slot, 1<<(x.bits+1)+spare), bits: x.bits + 1}
	next.fill(x.slots)
	x.slots, x.bits = next.slots, next.bits
}

// fill appends slots that are in hash order: each goes to its home or right
// behind the one before.
func (x *index) fill(sorted []slot) {
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
func (x *index) remove(hash uint64, ref Ref) bool {
	i := x.at(hash)
	for i < len(x.slots) && x.slots[i].ref != ref {
		if x.slots[i].ref == 0 || x.slots[i].hash != hash {
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
