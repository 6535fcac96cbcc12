package api

import (
	"net/http"
	"strings"

	"payerflow/api/audit"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
)

// Watched is an event of a watch: a row, or one that is gone.
type Watched struct {
	*Answer
	Row      string `json:"row,omitempty" doc:"Of rows under a key: stands for the row, the same for all its states"`
	Gone     bool   `json:"gone,omitempty" doc:"There is no row, or no more"`
	Reset    bool   `json:"reset,omitempty" doc:"States between the position that was asked for and this one may be missing"`
	Position string `json:"position,omitempty" doc:"Token for min_position: stands for this state"`
}

// place is where the reader may resume, "" while rows that were read are newer
// than what has been followed.
func (x *watching) place() string {
	if x.at.next < x.till {
		return ""
	}
	x.held = nil
	return x.s.sealPlace(x.about, x.at)
}

// first writes what is watched as it is.
func (x *watching) first(rows []topology.Answer, reset bool) *Problem {
	if reset {
		x.out.put("reset", "", map[string]string{"code": "POSITION_GONE"})
	}
	mask, p := x.sight()
	if p == nil {
		p = x.seen.under(x, mask)
	}
	if p != nil {
		return p
	}
	for _, a := range rows {
		place := ""
		if !x.v.Lists {
			place = x.place()
		}
		if p := x.row(a, mask, place, reset); p != nil {
			return p
		}
	}
	switch {
	case x.resumed:
		x.out.beat(x.place()) // the headers go out
	case x.v.Lists:
		x.out.put("synced", x.place(), map[string]int{"rows": len(rows)})
	case len(rows) == 0:
		x.out.put("gone", x.place(), Watched{Gone: true, Reset: reset})
	}
	_ = x.out.flush() // run looks at it
	return nil
}

// send writes states.
func (x *watching) send(states []topology.State) *Problem {
	if len(states) == 0 {
		return nil
	}
	mask, p := x.sight()
	if p == nil {
		p = x.seen.under(x, mask)
	}
	if p != nil {
		return p
	}
	for _, s := range states {
		if span := x.told(s); span != nil {
			defer span.End() // when it was written
		}
		if p := x.state(s, mask); p != nil {
			return p
		}
		if x.out.gone() {
			return nil // run looks at it
		}
	}
	_ = x.out.flush() // run looks at it
	return nil
}

func (x *watching) state(s topology.State, mask *processors.RowMask) *Problem {
	entity, _ := topology.EntityKey(s.Key)
	key, suffix := entity, ""
	if x.v.Lists {
		key, suffix = topology.SplitUnder(entity)
	}
	stale := s.Offset < x.at.next || s.Offset < x.held[suffix]
	x.at.next = max(x.at.next, s.Offset+1)
	if stale {
		return nil
	}
	c := topology.Copy{Incarnation: x.at.incarnation, Changelog: s.Offset + 1, Lag: -1, Age: -1}
	a := topology.Answer{Key: key, ID: topology.IDOf(suffix), Suffix: suffix, Partition: topology.Partition([]byte(x.key), x.v.Partitions), Copy: c}
	if s.Value == nil {
		x.seen.count++
		x.out.put("gone", x.place(), Watched{Gone: true, Row: x.alias(suffix), Position: positionToken(x.v, a)})
		return nil
	}
	row, err := x.s.watches.Decode(x.v.Name, x.at.incarnation, s.Value)
	if err != nil {
		return x.problem(err)
	}
	a.Row, a.Stored = row, s.Value
	return x.row(a, mask, x.place(), false)
}

func (x *watching) row(a topology.Answer, mask *processors.RowMask, place string, reset bool) *Problem {
	shown, err := answer(x.v, a, mask)
	if err != nil {
		return x.problem(err)
	}
	shown.Key = x.key // who asks by a key has it
	x.seen.count++
	x.out.put("row", place, Watched{Answer: &shown, Row: x.alias(a.Suffix), Reset: reset, Position: positionToken(x.v, a)})
	return nil
}

// alias stands for a row under a key, to readers who may not see its own.
func (x *watching) alias(suffix string) string {
	if !x.v.Lists {
		return ""
	}
	return x.s.guard.Alias(x.about, suffix)
}

// seen has written down that a watch opens, that more or fewer classes are shown
// from now on, and that it ends.
type seen struct {
	mask    string
	classes string
	count   int
}

func (s *seen) opens(x *watching, mask *processors.RowMask, keys ...string) *Problem {
	s.by(x, mask)
	return s.write(x, "view.watch", "", keys...)
}

func (s *seen) by(x *watching, mask *processors.RowMask) {
	s.mask, s.classes = mask.ID(), strings.Join(mask.Shown(x.v.Classes), ",")
}

// under says with which mask the next state is shown.
func (s *seen) under(x *watching, mask *processors.RowMask) *Problem {
	if mask.ID() == s.mask {
		return nil
	}
	s.by(x, mask)
	return s.write(x, "view.watch.change", "")
}

func (s *seen) ends(x *watching, p *Problem) {
	code := ""
	if p != nil {
		code = p.Code
	}
	_ = s.write(x, "view.watch.end", code) // nothing more is shown
}

func (s *seen) write(x *watching, act, code string, keys ...string) *Problem {
	if x.v.Classes != nil && len(x.v.Classes) == 0 {
		return nil
	}
	ctx, cancel := within(x.ctx)
	defer cancel()
	e := events.AuditReceived{Act: act, Object: "view", Name: x.v.Name, Decision: events.AuditAllow, Code: code, Classes: s.classes, Count: int64(s.count)}
	e.Why, e.Breaking = audit.Broken(x.ctx)
	return audit.Write(ctx, e, append(keys, x.key)...)
}

// denied has a refusal written down. It stands whether that can be done or not.
func denied(x *watching, p *Problem) {
	if p.Status == http.StatusForbidden {
		_ = audit.Write(x.ctx, events.AuditReceived{Act: "view.watch", Object: "view", Name: x.v.Name, Decision: events.AuditDeny, Code: p.Code}, x.key)
	}
}
