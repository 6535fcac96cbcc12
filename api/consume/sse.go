package consume

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/events"
)

// sse writes a stream as server sent events. Every one has the position after
// it as id, which browsers and clients send back as Last-Event-ID; a heartbeat
// is a comment with an id, so that the position moves where nothing is sent.
type sse struct {
	bounded
	w   http.ResponseWriter
	buf bytes.Buffer
	err error
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
	s := &sse{bounded: bounded{c: http.NewResponseController(w), limit: limit}, w: w}
	_, _ = fmt.Fprintf(&s.buf, "retry: %d\n\n", time.Second.Milliseconds())
	return s
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
		_ = s.flush() // the reader may be gone
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
		s.err = s.write(func() error {
			if _, err := s.w.Write(s.buf.Bytes()); err != nil {
				return err
			}
			s.buf.Reset()
			return s.c.Flush()
		})
	}
	return s.err
}
