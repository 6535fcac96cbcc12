package consume

import (
	"context"
	"net/http"
	"strings"

	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/processors"
)

const audited = "subscription" // what an audit record of this door is about

// denied has a refusal written down. It stands whether that can be done or not.
func denied(ctx context.Context, act, id string, p *problem.Problem) {
	if p != nil && (p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden) {
		_ = audit.Write(ctx, events.AuditReceived{Act: act, Object: audited, Name: id, Decision: events.AuditDeny, Code: p.Code})
	}
}

// classes are those that the caller's team or application may see, without
// PUBLIC.
func (g *grant) classes(r *processors.Rules) string {
	team, _, _ := strings.Cut(g.id, "/")
	application := g.principal.Application
	if g.principal.Team != team {
		application = ""
	}
	return strings.Join(r.Seen(team, application), ",")
}

// pulled has leased events written down. Where nothing of them is classed,
// nothing is.
func (g *grant) pulled(ctx context.Context, leases []Lease) *problem.Problem {
	r, p := g.now()
	if p != nil {
		return p
	}
	classes := g.classes(r)
	if classes == "" || len(leases) == 0 {
		return nil
	}
	keys := make([]string, 0, len(leases))
	for _, l := range leases {
		keys = append(keys, string(l.Event.Key))
	}
	return audit.Write(ctx, events.AuditReceived{Act: "event.pull", Object: audited, Name: g.id, Decision: events.AuditAllow, Classes: classes, Count: int64(len(leases))}, keys...)
}

// seen has written down what a stream shows: that it opens, that more or fewer
// classes are shown from now on, and that it ends.
type seen struct {
	ctx     context.Context // of the request
	grant   *grant
	rules   *processors.Rules
	classes string
	opened  bool
	count   int64
}

// opens begins; nothing has been sent.
func (g *grant) opens(ctx context.Context) *problem.Problem {
	g.seen = &seen{ctx: ctx, grant: g}
	r, p := g.now()
	if p != nil {
		return p
	}
	return g.seen.under(r)
}

// under says by which rules the next event is shown.
func (s *seen) under(r *processors.Rules) *problem.Problem {
	if s == nil || s.rules == r {
		return nil
	}
	classes := s.grant.classes(r)
	if changed := classes != s.classes; changed {
		act := "event.stream"
		if s.opened {
			act = "event.stream.change"
		}
		if p := s.write(act, classes, ""); p != nil {
			return p
		}
		s.opened, s.classes = true, classes
	}
	s.rules = r
	return nil
}

// sent counts an event.
func (s *seen) sent() {
	if s != nil {
		s.count++
	}
}

// ends says that nothing more is sent, and why.
func (s *seen) ends(p *problem.Problem) {
	if s == nil || !s.opened {
		return
	}
	code := ""
	if p != nil {
		code = p.Code
	}
	_ = s.write("event.stream.end", s.classes, code)
}

func (s *seen) write(act, classes, code string) *problem.Problem {
	return audit.Write(s.ctx, events.AuditReceived{Act: act, Object: audited, Name: s.grant.id, Decision: events.AuditAllow, Code: code, Classes: classes, Count: s.count})
}

// unpulled gives back what was leased and could not be shown: it counts as no
// delivery.
func (q *queue) unpulled(leases []Lease) {
	ids := make([]string, 0, len(leases))
	for _, l := range leases {
		ids = append(ids, l.ID)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.window.untake(ids)
	q.signal()
}
