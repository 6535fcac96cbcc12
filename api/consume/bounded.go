package consume

import (
	"net/http"
	"sync"
	"time"
)

// bounded gives each write of a stream its time. Between two writes there is no
// deadline: HTTP/2 would end a stream that is silent at it.
type bounded struct {
	c *http.ResponseController

	mu      sync.Mutex
	limit   time.Duration // how long a write may take
	writing bool
}

// lastWrite is how long the end of a stream may take to be written.
const lastWrite = time.Second

func (b *bounded) write(f func() error) error {
	if err := b.turn(true); err != nil {
		return err
	}
	err := f()
	_ = b.turn(false) // the next write says so where the connection is gone
	return err
}

func (b *bounded) turn(writing bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.writing = writing; !writing {
		return b.c.SetWriteDeadline(time.Time{})
	}
	return b.c.SetWriteDeadline(time.Now().Add(b.limit))
}

// hurry cuts what is being written, unless it ends within a moment, and what is
// written from now on too.
func (b *bounded) hurry() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit = min(b.limit, lastWrite); b.writing {
		_ = b.c.SetWriteDeadline(time.Now().Add(b.limit)) // the write fails where there is none
	}
}
