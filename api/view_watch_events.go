package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// eventStream writes server sent events. A write that finds no room for too long fails,
// and all after it.
type eventStream struct {
	w     http.ResponseWriter
	c     *http.ResponseController
	stall time.Duration
	late  *time.Timer // ends a write; to set a deadline for each is dearer, over HTTP/2, than the write
	buf   bytes.Buffer
	err   error
}

// eventBuffer is written out before a turn ends; a larger one is not kept.
const eventBuffer = 32 << 10

func openEvents(w http.ResponseWriter, stall time.Duration) *eventStream {
	h := w.Header()
	h.Set("Content-Type", sseType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &eventStream{w: w, c: http.NewResponseController(w), stall: stall}
	s.late = time.AfterFunc(stall, func() { _ = s.c.SetWriteDeadline(time.Now()) }) // where there is none, the connection is a test's
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
	s.late.Reset(s.stall)
	if _, s.err = s.w.Write(s.buf.Bytes()); s.err == nil {
		s.err = s.c.Flush()
	}
	s.late.Stop()
	if s.buf.Reset(); s.buf.Cap() > eventBuffer {
		s.buf = bytes.Buffer{}
	}
	return s.err
}

// gone says that nothing can be written any more.
func (s *eventStream) gone() bool { return s.err != nil }
