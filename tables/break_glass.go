package tables

import (
	"path"
	"slices"
	"time"
)

// KindBreakGlass is the kind of row that lets one token see, for a short time,
// what it may not.
const KindBreakGlass = "break-glass"

// LongestBreak is how long a glass stays broken at most.
const LongestBreak = time.Hour

// BreakGlass lets the token that broke it read views and see classes until a
// time; name: ID. Copies of events are made without it.
type BreakGlass struct {
	ID       string    `json:"id"`
	Token    string    `json:"token"` // id of the token, or the principal
	Team     string    `json:"team"`
	Views    []string  `json:"views,omitempty"`
	Classes  []string  `json:"classes,omitempty"` // in dead letters, and in the views that the token reads
	Reason   string    `json:"reason"`
	OpenedAt time.Time `json:"openedAt"`
	Until    time.Time `json:"until"`
}

// Open says whether it holds at a time.
func (b BreakGlass) Open(now time.Time) bool { return now.Before(b.Until) }

// Shows says whether it lets its token read a view.
func (b BreakGlass) Shows(view string) bool { return slices.Contains(b.Views, view) }

// MayBreak says whether scopes let a token break the glass before a view or
// class.
func (s Scopes) MayBreak(name string) bool {
	return slices.ContainsFunc(s.BreakGlass, func(p string) bool {
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}
