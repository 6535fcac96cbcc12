package processors

import (
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// span reads a time, and holds it to bounds.
func (f *faults) span(at, text string, least, most time.Duration) time.Duration {
	d, err := tables.ParseSpan(text)
	f.unless(err == nil, events.InvalidValue, at, "must be a time such as 30s, 15m, 36h or 7d")
	f.unless(err != nil || d >= least && d <= most, events.InvalidValue, at, "must be "+least.String()+" to "+most.String())
	return d
}

func (f *faults) none(at string, given bool, of string) {
	f.unless(!given, events.InvalidValue, at, "is only of "+of)
}

func (a *aggregation) checkTimes(f *faults) {
	late := f.span("/lateness", a.Lateness, 0, maxLateness)
	waits := a.Combine == tables.AggregateAllOf || a.Combine == tables.AggregateAbsence
	if waits {
		f.span("/within", a.Within, minSpan, maxWithin)
	} else {
		f.none("/within", a.Within != "", "ALL_OF and ABSENCE")
	}
	if a.Combine == tables.AggregateAbsence {
		f.span("/before", a.Before, 0, maxWithin)
	} else {
		f.none("/before", a.Before != "", "ABSENCE")
	}
	switch w := a.Window; {
	case a.Combine != tables.AggregateWindow:
		f.none("/window", w != nil, "WINDOW")
	case w == nil:
		f.add(events.MissingField, "/window", "say of which shape and size windows are")
	default:
		a.checkWindow(f, *w, late)
	}
}

func (a *aggregation) checkWindow(f *faults, w tables.AggregationWindow, late time.Duration) {
	f.oneOf("/window/shape", w.Shape, tables.ShapeTumbling, tables.ShapeHopping, tables.ShapeSession)
	if w.Shape == tables.ShapeSession {
		f.none("/window/size", w.Size != "", "tumbling and hopping windows")
		f.none("/window/every", w.Every != "", "hopping windows")
		f.span("/window/gap", w.Gap, minSpan, maxWindow)
		return
	}
	f.none("/window/gap", w.Gap != "", "sessions")
	size := f.span("/window/size", w.Size, minSpan, maxWindow)
	every := size
	if w.Shape == tables.ShapeHopping {
		every = f.span("/window/every", w.Every, minSpan, max(size, minSpan))
	} else {
		f.none("/window/every", w.Every != "", "hopping windows")
	}
	if len(*f) > 0 {
		return
	}
	fits := size%every == 0 && size/every <= maxOverlap
	f.unless(fits, events.InvalidValue, "/window/every", "the size must be every times a whole number of at most 24")
	f.unless(!fits || (size+late)/every <= maxOpen, "TOO_MANY", "/lateness", "at most 100 windows of a key are open at once: take larger windows, or less lateness")
}
