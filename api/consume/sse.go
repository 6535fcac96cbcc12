package consume

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/events"
)

// sse writes a stream as server sent events. Every one has the position after
// it as id, which browsers and clients send back as Last-Event-ID; a heartbeat
// is a comment with an id, so that the position moves where nothing is sent.
type sse struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	buf bytes.Buffer
	err error

	mu    sync.Mutex
	limit time.Duration // how long a write may take
}

// sseBuffer is written out before a turn ends.
const sseBuffer = 64 << 10

// openSSE writes the headers.
func openSSE(w http.ResponseWriter, limit time.Duration) *sse {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &sse{w: w, c: http.NewResponseController(w), limit: limit}
	_, _ = fmt.Fprintf(&s.buf, "retry: %d\n\n", time.Second.Milliseconds())
	return s
}

// hurry cuts what is being written, unless it ends within a moment.
func (s *sse) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = min(s.limit, lastWrite)
	_ = s.c.SetWriteDeadline(time.Now().Add(s.limit)) // flush fails where there is none
}

// lastWrite is how long the end of a stream may take to be written.
const lastWrite = time.Second

func (s *sse) deadline() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.c.SetWriteDeadline(time.Now().Add(s.limit))
}

func (s *sse) event(at kafka.Position, e events.Envelope) error {
	data, err := json.Marshal(CloudEvent{e}) // one line
	if err != nil {
		return s.fault(at, "UNDECODABLE") // and on: it must not end the stream again and again
	}
	return s.line("", at, data)
}

func (s *sse) fault(at kafka.Position, code string) error {
	return s.put("fault", at, map[string]string{"code": code})
}

func (s *sse) reset(at kafka.Position) error {
	return s.put("reset", at, map[string]string{"code": "POSITION_GONE", "position": at.String()})
}

func (s *sse) beat(at kafka.Position) error {
	_, err := fmt.Fprintf(&s.buf, ": beat\nid: %s\n\n", at)
	return err
}

// end is the last event: why the stream ends, and whether to come again.
func (s *sse) end(p *problem.Problem) {
	data, err := json.Marshal(map[string]any{"code": p.Code, "status": p.Status, "detail": p.Detail})
	if err == nil {
		_, _ = fmt.Fprintf(&s.buf, "event: end\ndata: %s\n\n", data)
		_ = s.flush()                         // the reader may be gone
		_ = s.c.SetWriteDeadline(time.Time{}) // the connection may be used again
	}
}

func (s *sse) put(kind string, at kafka.Position, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.line(kind, at, data)
}

func (s *sse) line(kind string, at kafka.Position, data []byte) error {
	_, _ = fmt.Fprintf(&s.buf, "id: %s\n", at)
	if kind != "" {
		_, _ = fmt.Fprintf(&s.buf, "event: %s\n", kind)
	}
	_, _ = fmt.Fprintf(&s.buf, "data: %s\n\n", data)
	if s.buf.Len() < sseBuffer {
		return nil
	}
	return s.flush()
}

func (s *sse) flush() error {
	if s.err == nil {
		if s.err = s.deadline(); s.err == nil {
			_, s.err = s.w.Write(s.buf.Bytes())
			s.buf.Reset()
		}
		if s.err == nil {
			s.err = s.c.Flush()
		}
	}
	return s.err
}
