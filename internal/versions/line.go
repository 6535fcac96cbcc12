package versions

import (
	"maps"
	"slices"
	"time"
)

// Line is the versions of one view. It never changes: a record makes another.
type Line struct {
	View     string
	Live     string             // the group that is read and speaks
	Versions map[string]Version // by group
	Pending  *Record            // a prepared switch that has not ended
	Handed   []Handover         // oldest first
}

// Version is one version of a view.
type Version struct {
	Runs   bool // it folds, or may
	Paused bool
	Rate   int       // records a second and worker, 0 for no bound
	Since  time.Time // when it was started, zero for the first one
	By     string
}

// Handover is where one version took over from another.
type Handover struct {
	ID       string    `json:"id"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Inputs   Offsets   `json:"inputs"` // the old one speaks for records before these, the new one for those at or past them
	Ends     Offsets   `json:"-"`      // of the versions' repartition topics at that time
	Clock    time.Time `json:"clock"`  // the old one speaks for deadlines up to it
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Position int64     `json:"-"` // of the record in the log
}

// Speaks says whether a version speaks for a record of an input that is not of
// its own making: what it emits because of it goes out. A nil line has one
// version.
func (l *Line) Speaks(group, topic string, partition int32, offset int64) bool {
	return l.SpeaksWhere(group, func(h Handover) bool { return offset >= h.Inputs[topic][partition] })
}

// SpeaksAt says whether a version speaks for what is due at a deadline.
func (l *Line) SpeaksAt(group string, due time.Time) bool {
	return l.SpeaksWhere(group, func(h Handover) bool { return due.After(h.Clock) })
}

// SpeaksWhere says whether a version is the live one behind the last handover
// that is passed.
func (l *Line) SpeaksWhere(group string, passed func(Handover) bool) bool {
	if l == nil || l.alone(group) {
		return true
	}
	for _, h := range slices.Backward(l.Handed) {
		if passed(h) {
			return h.To == group
		}
	}
	if len(l.Handed) > 0 {
		return l.Handed[0].From == group
	}
	return l.Live == group
}

// alone says whether all other versions are dropped.
func (l *Line) alone(group string) bool {
	for name, v := range l.Versions {
		if v.Runs != (name == group) {
			return false
		}
	}
	return l.Live == group
}

// Last is the latest handover, nil before the first.
func (l *Line) Last() *Handover {
	if l == nil || len(l.Handed) == 0 {
		return nil
	}
	return &l.Handed[len(l.Handed)-1]
}

// apply is the line after a record, and whether the record says anything.
func (l *Line) apply(offset int64, r Record) (*Line, bool) {
	next := *l
	next.Versions = maps.Clone(l.Versions)
	v, known := l.Versions[r.Group]
	ends := l.Pending != nil && l.Pending.ID == r.ID
	switch r.Kind {
	case Started:
		if v.Runs || r.From != l.Live || r.Group == l.Live {
			return l, false
		}
		v = Version{Runs: true, Rate: r.Rate, Since: r.At, By: r.By}
	case Paused, Resumed:
		if !v.Runs || r.Group == l.Live {
			return l, false
		}
		if v.Paused = r.Kind == Paused; !v.Paused {
			v.Rate = r.Rate
		}
	case Prepared:
		if l.Pending != nil || !v.Runs || r.Group == l.Live || r.From != l.Live || r.ID == "" {
			return l, false
		}
		next.Pending = &r
		return &next, true
	case Void:
		if !ends {
			return l, false
		}
		next.Pending = nil
		return &next, true
	case Switched:
		if !ends || r.Group != l.Pending.Group {
			return l, false
		}
		next.Pending, next.Live = nil, r.Group
		next.Handed = append(slices.Clone(l.Handed), Handover{r.ID, l.Live, r.Group, r.Inputs, r.Ends, r.Clock, r.At, r.By, offset})
		v.Paused, v.Rate = false, 0
	case Dropped:
		if !known || !v.Runs || r.Group == l.Live || l.Pending != nil {
			return l, false
		}
		v.Runs, v.Paused = false, false
	default:
		return l, false
	}
	next.Versions[r.Group] = v
	return &next, true
}
