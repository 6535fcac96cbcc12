package engine

import (
	"testing"
	"time"
)

// TestInputsUnderLoadAreFresh compares positions that are always a little
// behind ends that always move.
func TestInputsUnderLoadAreFresh(t *testing.T) {
	p, at := newPositions(), topicPartition{"t", 0}
	p.reset(true)
	inputs := []topicPartition{at}
	now := time.Unix(0, 0)
	for second := range int64(20) {
		p.set(at, 100*second-10)
		if lag := p.compare(map[topicPartition]int64{at: 100 * second}, now)[at]; second > 0 && lag != 10 {
			t.Fatalf("lag %d", lag)
		}
		now = now.Add(time.Second)
		if age, ok := p.since(now, inputs); second > 0 && (!ok || age > 2*time.Second) {
			t.Fatalf("after %d s: age %v, known %v", second, age, ok)
		}
	}
	for range 20 { // it stands still
		p.compare(map[topicPartition]int64{at: 1e6}, now)
		now = now.Add(time.Second)
	}
	if age, _ := p.since(now, inputs); age < 20*time.Second {
		t.Errorf("age %v of what stands still", age)
	}
}
