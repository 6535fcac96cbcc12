package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// eventStream writes server sent events. A write that finds no room for too long fails,
// and all after it.
type eventStream struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	buf bytes.Buffer
	err error

	mu      sync.Mutex
	stall   time.Duration // that a write may take
	late    *time.Timer   // ends a write; to set a deadline for each is dearer, over HTTP/2, than the write
	writing bool
	over    bool // the answer has ended: w is no more
}

// lastStall is stall for what is written when the worker stops: it does not wait
// for readers who take nothing.
const lastStall = time.Second

// eventBuffer is written out before a turn ends; a larger one is not kept.
const eventBuffer = 32 << 10

func openEvents(w http.ResponseWriter, stall time.Duration) *eventStream {
	h := w.Header()
	h.Set("Content-Type", sseType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &eventStream{w: w, c: http.NewResponseController(w), stall: stall}
	s.late = time.AfterFunc(stall, s.cut)
	s.late.Stop()
	_, _ = fmt.Fprintf(&s.buf, "retry: %d\n\n", time.Second.Milliseconds())
	return s
}

func (s *eventStream) put(kind, place string, v any) {
	data, err := json.Marshal(v) // one line
	if err != nil {
		s.err = err
		return
	}
	if place != "" {
		_, _ = fmt.Fprintf(&s.buf, "id: %s\n", place)
	}
	_, _ = fmt.Fprintf(&s.buf, "event: %s\ndata: %s\n\n", kind, data)
	if s.buf.Len() > eventBuffer {
		_ = s.flush()
	}
}

// beat is a sign of life; its id counts.
func (s *eventStream) beat(place string) {
	_, _ = s.buf.WriteString(": beat\n")
	if place != "" {
		_, _ = fmt.Fprintf(&s.buf, "id: %s\n", place)
	}
	_ = s.buf.WriteByte('\n')
}

// end is the last event: why the stream ends, and whether to come again.
func (s *eventStream) end(p *Problem) {
	s.put("end", "", map[string]any{"code": p.Code, "status": p.Status, "detail": p.Detail})
	_ = s.flush() // the reader may be gone
}

func (s *eventStream) flush() error {
	if s.err != nil {
		return s.err
	}
	s.begins(true)
	if _, s.err = s.w.Write(s.buf.Bytes()); s.err == nil {
		s.err = s.c.Flush()
	}
	s.begins(false)
	if s.buf.Reset(); s.buf.Cap() > eventBuffer {
		s.buf = bytes.Buffer{}
	}
	return s.err
}

// begins bounds a write that begins, and no longer one that has ended.
func (s *eventStream) begins(writing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing = writing; writing {
		s.late.Reset(s.stall)
	} else {
		s.late.Stop()
	}
}

// cut ends a write that takes too long.
func (s *eventStream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing && !s.over {
		_ = s.c.SetWriteDeadline(time.Now()) // where there is none, the connection is a test's
	}
}

// hurry has what is being written, and what will be, end soon.
func (s *eventStream) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stall = min(s.stall, lastStall); s.writing {
		s.late.Reset(s.stall)
	}
}

func (s *eventStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.late.Stop()
}

// gone says that nothing can be written any more.
func (s *eventStream) gone() bool { return s.err != nil }
