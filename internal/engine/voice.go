package engine

import (
	"context"
	"time"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// A version of a view that is not the live one folds and says nothing: what
// its folds and timers emit is held back, but for its own streams.

// version is one declared version of a view, nil where it is not declared.
func (e *Engine) version(view, group string) *group {
	for _, g := range e.byView[view] {
		if g.Name == group {
			return g
		}
	}
	return nil
}

// view is the live version.
func (e *Engine) view(name string) (*group, bool) {
	state := e.versions.now()
	for _, g := range e.byView[name] {
		if state.Live(name, g.Name, g.Shadows) {
			return g, true
		}
	}
	return nil, false
}

// live are the live versions of all views.
func (e *Engine) live() (gs []*group) {
	for name := range e.byView {
		if g, ok := e.view(name); ok {
			gs = append(gs, g)
		}
	}
	return gs
}

// versioned says whether the group is one of several versions of its view.
func (g *group) versioned() bool {
	return g.View.Name != "" && (len(g.e.byView[g.View.Name]) > 1 || g.e.versions.now().Line(g.View.Name) != nil)
}

// enterTurn waits until a transaction of the group may begin.
func (s *session) enterTurn(ctx context.Context) error {
	g := s.rt.p.g
	if s.rt.p != g.folding || g.View.Name == "" {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	line, err := g.e.versions.turn(g.View.Name).enter(ctx)
	if err != nil {
		return err
	}
	s.line, s.working = line, true
	return nil
}

func (s *session) leaveTurn(ctx context.Context) {
	if s.working {
		s.working = false
		g := s.rt.p.g
		g.e.versions.turn(g.View.Name).leave(context.WithoutCancel(ctx))
	}
}

// quietRecord says whether what the record in progress causes is held back.
func (w *work) quietRecord() bool {
	line := w.s.line
	if line == nil {
		return false
	}
	g := w.group()
	if !g.selfMade[w.in] {
		return !line.Speaks(g.Name, w.Raw.Topic, w.Raw.Partition, w.Raw.Offset)
	}
	return !line.SpeaksWhere(g.Name, func(h versions.Handover) bool { return w.s.passed(w.Part.Number, h) })
}

// quietAt is the same of a deadline.
func (s *session) quietAt(due time.Time) bool {
	return s.line != nil && !s.line.SpeaksAt(s.rt.p.g.Name, due)
}

// passed says whether a partition of the table has all that lies before a
// handover: of what the version makes itself there is no common offset to tell
// by.
func (s *session) passed(partition int32, h versions.Handover) bool {
	g := s.rt.p.g
	for i, in := range g.Inputs {
		at := topicPartition{in.Topic.Name, partition}
		if !g.selfMade[i] && !in.Whole && s.rt.p.positions.get(at) < h.Inputs[at.topic][partition] {
			return false
		}
	}
	for _, via := range g.Vias() {
		if s.rt.p.positions.get(topicPartition{via.Name, partition}) < h.Ends[via.Name][partition] {
			return false
		}
	}
	return true
}

// bindVersions works out which topics are the version's own, and which of its
// inputs are of its own making.
func (g *group) bindVersions(all []topology.Declared) {
	g.serves = topology.Served{View: g.View, Row: g.RowType, EventTypes: topology.SourceTypes(all, g.Name), Table: g.Table.Name, Partitions: g.Table.Partitions}
	g.own = topology.OwnTopics(all, g.Declared)
	g.selfMade = topology.SelfMade(all, g.Declared)
}
