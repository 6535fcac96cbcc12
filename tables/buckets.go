package tables

import "math/bits"

// Bucket n holds what is more than bucket n-1 ends with and at most
// quarters[n%4] << (n/4): a quarter of a doubling each, so that a percentile
// is told at most a fifth too large. The last one has no end.
var quarters = [4]int64{1000, 1189, 1414, 1682}

func bucketEnd(n int) int64 { return quarters[n%4] << (n / 4) }

// bucketOf is the bucket of a number, of so many.
func bucketOf(v int64, of int) int {
	if v <= quarters[0] {
		return 0
	}
	n := 4 * (bits.Len64(uint64(v/quarters[0])) - 1)
	for n < of-1 && bucketEnd(n) < v {
		n++
	}
	return min(n, of-1)
}

// buckets are counts from the bucket first on.
type buckets struct {
	first  int32
	counts []int64
}

// add counts n more in a bucket, and makes room for it. The counts are new.
func (b buckets) add(bucket int, n int64) buckets {
	first, end := bucket, bucket+1
	if len(b.counts) > 0 {
		first, end = min(first, int(b.first)), max(end, int(b.first)+len(b.counts))
	}
	counts := make([]int64, end-first)
	if len(b.counts) > 0 {
		copy(counts[int(b.first)-first:], b.counts)
	}
	counts[bucket-first] += n
	return buckets{int32(first), counts}
}

// percentile is the end of the bucket in which the share p of all lies, and
// never more than the largest number.
func (b buckets) percentile(p, count, largest int64, of int) int64 {
	rank, seen := (count*p+99)/100, int64(0)
	for i, n := range b.counts {
		if seen += n; seen >= rank && seen > 0 {
			if at := int(b.first) + i; at < of-1 {
				return min(largest, bucketEnd(at))
			}
			return largest
		}
	}
	return 0
}
