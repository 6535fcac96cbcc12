package topology

// Partition is the partition of a key among n: the murmur2 hash of Kafka's own
// clients with the top bit cleared, modulo n (KIP-480 keeps it for keyed
// records).
func Partition(key []byte, n int) int32 { return int32(Murmur2(key) & 0x7fffffff % uint32(n)) }

// Murmur2 is the 32-bit hash of Kafka's default partitioner, seed 0x9747b28c.
func Murmur2(b []byte) uint32 {
	const m, r = 0x5bd1e995, 24
	h := 0x9747b28c ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> r
		h = h*m ^ k*m
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
