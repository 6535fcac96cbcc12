package processors

import (
	"cmp"
	"sync"
)

// memo remembers what follows from a text. It forgets what has not been asked
// for during the last most other texts, so that no flood of them fills it.
type memo[T any] struct {
	most       int // 0: maxMemo
	mu         sync.Mutex
	young, old map[string]*T
}

const maxMemo = 20_000

func (m *memo[T]) of(text string, make func() *T) *T {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.young[text]
	if ok {
		return v
	}
	if v, ok = m.old[text]; !ok {
		v = make()
	}
	if m.young == nil || len(m.young) >= cmp.Or(m.most, maxMemo) {
		m.young, m.old = map[string]*T{}, m.young
	}
	m.young[text] = v
	return v
}
