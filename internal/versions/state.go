package versions

import (
	"maps"
	"slices"
)

// State is all that the log says up to an offset. It never changes. The nil
// State is that of an empty log.
type State struct {
	Next  int64 // offset behind what was read
	lines map[string]*Line
}

// Apply takes a record in, and tells whether it says anything: whether it fits
// what came before.
func (s *State) Apply(offset int64, r Record) (*State, bool) {
	next := &State{Next: offset + 1, lines: map[string]*Line{}}
	if s != nil {
		maps.Copy(next.lines, s.lines)
	}
	line := next.lines[r.View]
	if line == nil {
		if r.Kind != Started || r.View == "" || r.Group == "" || r.From == "" {
			return next, false
		}
		line = &Line{View: r.View, Live: r.From, Versions: map[string]Version{r.From: {Runs: true}}}
	}
	line, fits := line.apply(offset, r)
	if fits {
		next.lines[r.View] = line
	}
	return next, fits
}

// Line is the versions of a view, nil where it has one alone.
func (s *State) Line(view string) *Line {
	if s == nil {
		return nil
	}
	return s.lines[view]
}

// Lines are those of all views that have or had more than one version, in name
// order.
func (s *State) Lines() (out []*Line) {
	if s == nil {
		return nil
	}
	for _, view := range slices.Sorted(maps.Keys(s.lines)) {
		out = append(out, s.lines[view])
	}
	return out
}

// Runs says whether a declared group folds: one that shadows another does from
// its start on, any other until it is dropped.
func (s *State) Runs(view, group, shadows string) bool {
	line := s.Line(view)
	if line == nil || view == "" {
		return shadows == ""
	}
	v, known := line.Versions[group]
	return v.Runs || !known && shadows == ""
}

// Live says whether a declared group is the one of its view that is read.
func (s *State) Live(view, group, shadows string) bool {
	line := s.Line(view)
	if line == nil || view == "" {
		return shadows == ""
	}
	return line.Live == group
}
