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
	folds map[string]string // fingerprints by group
}

// Apply takes a record in, and tells whether it says anything: whether it fits
// what came before.
func (s *State) Apply(offset int64, r Record) (*State, bool) {
	next := &State{Next: offset + 1, lines: map[string]*Line{}, folds: map[string]string{}}
	if s != nil {
		maps.Copy(next.lines, s.lines)
		maps.Copy(next.folds, s.folds)
	}
	if r.Kind == Folded {
		return next, next.folded(r)
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
		if r.Kind == Started && r.Fold != "" {
			next.folds[r.Group] = r.Fold
		}
	}
	return next, fits
}

// folded notes with which fold a table was begun. The first to say so counts,
// until somebody says that another gives the same rows.
func (s *State) folded(r Record) bool {
	if r.Group == "" || r.Fold == "" || s.folds[r.Group] != "" && !r.Same {
		return false
	}
	s.folds[r.Group] = r.Fold
	return true
}

// Fold is the fingerprint of the fold that a group's table was begun with, ""
// where nobody has said so.
func (s *State) Fold(group string) string {
	if s == nil {
		return ""
	}
	return s.folds[group]
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
