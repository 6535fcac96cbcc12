package rowlog

// Ref is the place of an entry: segment (16 bits), offset (28 bits) and length
// (20 bits), the last two in units of 16 bytes. No entry is at 0.
type Ref uint64

const (
	unit       = 16
	lengthBits = 20
	offsetBits = 28
	maxEntry   = unit << lengthBits
	maxSegment = unit << offsetBits
)

func makeRef(segment uint16, offset, length int64) Ref {
	return Ref(segment)<<(offsetBits+lengthBits) | Ref(offset/unit)<<lengthBits | Ref(length/unit-1)
}

func (r Ref) segment() uint16 { return uint16(r >> (offsetBits + lengthBits)) }
func (r Ref) offset() int64   { return int64(r>>lengthBits&(1<<offsetBits-1)) * unit }
func (r Ref) length() int64   { return int64(r&(1<<lengthBits-1)+1) * unit }
