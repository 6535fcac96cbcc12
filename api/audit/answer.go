package audit

import (
	"context"
	"encoding/json"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"payerflow/events"
)

// Serve lets a request of a known caller through. Where the request says that
// it reads or changes something that is audited, its answer is held back until
// it is written down; where that fails, nothing of it leaves. ctx is the context
// that the request goes on with.
func (t *Trail) Serve(ctx context.Context, w http.ResponseWriter, r *http.Request, who Who, next http.Handler) {
	a := &answer{ResponseWriter: w, note: Note{trail: t, who: who, trace: traceOf(ctx, r)}}
	a.ctx = context.WithValue(ctx, noteKey{}, &a.note)
	next.ServeHTTP(a, r.WithContext(a.ctx))
	a.end()
}

// traceOf is the trace that the request is in here, or that its sender said.
func traceOf(ctx context.Context, r *http.Request) string {
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		return id.String()
	}
	ctx = propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header))
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		return id.String()
	}
	return ""
}

// answer holds the status back until the first byte of the body, when the
// record of it is written.
type answer struct {
	http.ResponseWriter
	ctx     context.Context
	note    Note
	status  int // 0: none yet
	settled bool
	refused bool // another answer was given in its place
}

// Unwrap lets deadlines through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	switch {
	case a.refused:
	case a.settled || status < http.StatusOK:
		a.ResponseWriter.WriteHeader(status)
	case a.status == 0:
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.settle(b)
	if a.refused {
		return len(b), nil
	}
	return a.ResponseWriter.Write(b)
}

// Flush makes it an http.Flusher, which gRPC asks for.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError sends what is there; what was held is written down before.
func (a *answer) FlushError() error {
	a.settle(nil)
	if a.refused {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// end settles an answer without a body.
func (a *answer) end() {
	if a.status != 0 {
		a.settle(nil)
	}
}

// settle writes the record down, and lets the answer go or refuses it.
func (a *answer) settle(first []byte) {
	if a.settled || a.refused {
		return
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if !a.note.settle(a.ctx, a.status, first) {
		a.refused = true
		clear(a.Header())
		Unavailable().Write(a.ResponseWriter)
		return
	}
	a.settled = true
	a.ResponseWriter.WriteHeader(a.status)
}

// settle says whether an answer may leave.
func (n *Note) settle(ctx context.Context, status int, body []byte) bool {
	n.mu.Lock()
	e, kept, act, before, counted := n.e, n.kept, n.act, n.before, n.counted
	n.mu.Unlock()
	e.Actor, e.Team, e.Trace = n.who.Actor, n.who.Team, n.trace
	e.Code = codeOf(status, body)
	switch {
	case kept && status < http.StatusBadRequest:
		e.Decision = events.AuditAllow
		if !counted {
			e.Count = 1
		}
	case kept && status == http.StatusNotFound: // it tells that there is none
		e.Decision, e.Count = events.AuditAllow, 0
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		if e.Act == "" {
			return true
		}
		e.Decision, e.Count = events.AuditDeny, 0
	case act && status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		e.Decision = events.AuditDeny
	case act && !before && status < http.StatusBadRequest:
		e.Decision = events.AuditAllow
	default:
		return true
	}
	return n.trail.write(ctx, e) == nil || e.Decision == events.AuditDeny
}

// codeOf is the code of a problem that an answer begins with.
func codeOf(status int, body []byte) string {
	var p struct {
		Code string `json:"code"`
	}
	if status < http.StatusBadRequest || json.Unmarshal(body, &p) != nil {
		return ""
	}
	return p.Code
}
