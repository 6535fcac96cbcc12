package processors

import (
	"strings"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// maxReason bounds what is kept of a reason.
const (
	minReason = 10
	maxReason = 500
)

type breakGlass struct{ tables.BreakGlass }

func (b *breakGlass) team() string { return b.Team }

func (b *breakGlass) put(r *Rules, version int32) {
	r.glasses[b.ID] = row[tables.BreakGlass]{version, b.BreakGlass}
}

func (b *breakGlass) drop(r *Rules)                   { delete(r.glasses, b.ID) }
func (b *breakGlass) checkDrop(*Rules) []events.Fault { return nil }

func (b *breakGlass) check(r *Rules) []events.Fault {
	var f faults
	f.unless(len(b.ID) <= maxNameBytes && legalToken.MatchString(b.ID), InvalidName, "/id", "letters, digits and hyphens")
	_, there := r.glasses[b.ID]
	f.unless(!there, events.InvalidValue, "", "a glass that is broken stays as it is: break another")
	f.unless(b.Token != "", events.MissingField, "/token", "say whose it is")
	f.unless(len(b.Views)+len(b.Classes) > 0, events.MissingField, "/views", "name views or classes")
	f.short("/views", len(b.Views))
	f.short("/classes", len(b.Classes))
	for i, c := range b.Classes {
		f.class(item("/classes", i), c)
	}
	reason := len(strings.TrimSpace(b.Reason))
	f.unless(reason >= minReason && len(b.Reason) <= maxReason, events.MissingField, "/reason", "say why, in 10 to 500 characters")
	lasts := b.Until.Sub(b.OpenedAt)
	f.unless(lasts > 0 && lasts <= tables.LongestBreak, events.InvalidValue, "/until", "after openedAt, at most 60 minutes")
	return f
}

// BreakGlass finds one by its id, also one whose time is over.
func (r *Rules) BreakGlass(id string) (tables.BreakGlass, bool) { return find(r.glasses, id) }

// BreakGlasses are all that were not closed, by id.
func (r *Rules) BreakGlasses() []tables.BreakGlass { return sorted(r.glasses) }

// Broken are those of a token that hold at a time.
func (r *Rules) Broken(token string, now time.Time) (open []tables.BreakGlass) {
	for _, b := range r.glasses {
		if b.value.Token == token && b.value.Open(now) {
			open = append(open, b.value)
		}
	}
	return open
}

// MaskWith is Mask where more classes may be seen.
func (r *Rules) MaskWith(team, application, eventType string, more []string) *Mask {
	t := r.types[eventType].value
	if t == nil || len(more) == 0 {
		return r.Mask(team, application, eventType)
	}
	classes := r.Classes(team, application, eventType)
	for _, c := range more {
		classes[c] = true
	}
	return t.mask(classes, r.secret)
}
