package topology_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"payerflow/internal/topology"
)

// The vectors of Kafka's own UtilsTest.testMurmur2.
func TestMurmur2IsKafkas(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(topology.Murmur2([]byte(key))); got != want {
			t.Errorf("Murmur2(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestPartition(t *testing.T) {
	for _, c := range []struct {
		key  string
		n    int
		want int32
	}{
		{"abc", 6, 479470107 % 6},
		{"foobar", 12, (-790332482 & math.MaxInt32) % 12},
		{"21", 6, (-973932308 & math.MaxInt32) % 6},
		{"21", 1, 0},
	} {
		if got := topology.Partition([]byte(c.key), c.n); got != c.want {
			t.Errorf("Partition(%q, %d) = %d, want %d", c.key, c.n, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		key, n := rapid.SliceOf(rapid.Byte()).Draw(t, "key"), rapid.IntRange(1, 1000).Draw(t, "n")
		if p := topology.Partition(key, n); p < 0 || int(p) >= n || p != topology.Partition(key, n) {
			t.Fatalf("partition %d of %d", p, n)
		}
	})
}

func TestPartitionSpreadsKeys(t *testing.T) {
	var counts [12]int
	for i := range 12_000 {
		counts[topology.Partition([]byte{byte(i >> 8), byte(i), 'k'}, 12)]++
	}
	for p, n := range counts {
		if n < 700 || n > 1300 {
			t.Errorf("partition %d has %d of 12000 keys", p, n)
		}
	}
}
