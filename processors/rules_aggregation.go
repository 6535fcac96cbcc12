package processors

import (
	"slices"
	"strings"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// Bounds of an aggregation.
const (
	maxSteps     = 8
	maxValues    = 20
	maxWithin    = 90 * 24 * time.Hour
	maxLateness  = 7 * 24 * time.Hour // for as long as matched events are kept
	maxWindow    = 31 * 24 * time.Hour
	minSpan      = time.Second
	maxOverlap   = 24  // windows that one event belongs to
	maxOpen      = 100 // windows of one key that are open at once
	maxOfTeam    = 100 // aggregations
	maxKeyPrefix = 60
)

type aggregation struct{ tables.Aggregation }

func (a *aggregation) team() string { return a.Team }

func (a *aggregation) put(r *Rules, version int32) {
	if a.State != tables.StateQuarantined {
		a.Reason = ""
	}
	r.aggregations[a.ID()] = row[tables.Aggregation]{version, a.Aggregation}
}

func (a *aggregation) drop(r *Rules)                     { delete(r.aggregations, a.ID()) }
func (a *aggregation) checkDrop(r *Rules) []events.Fault { return nil }

func (a *aggregation) check(r *Rules) []events.Fault {
	var f faults
	f.name("/team", a.Team)
	f.name("/name", a.Name)
	f.oneOf("/combine", a.Combine, tables.AggregateEvery, tables.AggregateAllOf, tables.AggregateAbsence, tables.AggregateWindow)
	f.oneOf("/synthetic", a.Synthetic, tables.PassThrough, tables.Discard)
	f.oneOf("/state", a.State, tables.StateActive, tables.StatePaused)
	a.checkSteps(r, &f)
	a.checkTimes(&f)
	a.checkValues(&f)
	a.checkKey(&f)
	a.checkCount(r, &f)
	out, ok := r.EventType(a.Output)
	f.unless(ok, events.UnknownEventType, "/output", "no event type has this name: register it")
	f.unless(!ok || out.Owner == a.Team, OtherTeam, "/output", "an aggregation's output is a type of its own team")
	if len(f) > 0 {
		return f
	}
	a.checkOutput(&f, out)
	if path := r.cycle(a.Aggregation); path != nil {
		f.add(Cycle, "/output", "the output would come back to the aggregation: "+strings.Join(path, " > "))
	}
	hashed, shown := false, false
	for i, s := range a.Steps {
		a.checkSight(r, &f, i)
		for _, t := range r.named(s.EventTypes) {
			_, open, known := keySight(a.Aggregation, t, r.sight(a.Team, t))
			hashed, shown = hashed || known && !open, shown || open
		}
	}
	f.unless(!hashed || !shown, NotVisible, "/key", "the team sees the key of some of the types, and of others only its keyed hash: the two never meet")
	return f
}

func (a *aggregation) checkSteps(r *Rules, f *faults) {
	switch a.Combine {
	case tables.AggregateEvery, tables.AggregateWindow:
		f.unless(len(a.Steps) == 1, events.InvalidValue, "/steps", "one step: which events it takes")
	default:
		f.unless(len(a.Steps) >= 2 && len(a.Steps) <= maxSteps, events.InvalidValue, "/steps", "2 to 8 steps")
	}
	seen := map[string]bool{}
	for i, s := range a.Steps {
		at := item("/steps", i)
		f.name(at+"/name", s.Name)
		f.unless(!seen[s.Name], events.InvalidValue, at+"/name", "a step above has this name")
		seen[s.Name] = true
		f.unless(len(s.EventTypes) > 0, events.MissingField, at+"/eventTypes", "name at least one event type or pattern")
		f.patterns(at+"/eventTypes", s.EventTypes)
		f.known(r, at+"/eventTypes", s.EventTypes)
		f.unless(len(s.Condition) <= maxCondition, InvalidCEL, at+"/condition", "at most 4 KiB")
	}
}

func (a *aggregation) checkValues(f *faults) {
	if a.Combine != tables.AggregateWindow && a.Combine != tables.AggregateEvery {
		f.none("/values", len(a.Values) > 0, "EVERY and WINDOW")
		return
	}
	f.unless(len(a.Values) <= maxValues, "TOO_MANY", "/values", "at most 20")
	seen := map[string]bool{}
	for i, v := range a.Values {
		at := item("/values", i)
		f.name(at+"/name", v.Name)
		f.unless(!seen[v.Name], events.InvalidValue, at+"/name", "a value above has this name")
		seen[v.Name] = true
		if a.Combine == tables.AggregateEvery {
			f.oneOf(at+"/do", v.Do, tables.DoValue)
		} else {
			f.oneOf(at+"/do", v.Do, tables.DoSum, tables.DoMin, tables.DoMax, tables.DoPercentile)
		}
		f.unless(legalPointer(v.Of) && !strings.Contains(v.Of+"/", "/*/"), events.InvalidValue, at+"/of", "must be a JSON pointer as RFC 6901 has it, to one place")
		if v.Do == tables.DoPercentile {
			f.unless(v.Percentile >= 1 && v.Percentile <= 99, events.InvalidValue, at+"/percentile", "1 to 99")
		} else {
			f.none(at+"/percentile", v.Percentile != 0, "percentile")
		}
	}
}

// keyAttributes are the attributes of events that a key may be.
var keyAttributes = []string{"key", "subject", "transactionId", "transactionType", "sourceSystem", "userId"}

func (a *aggregation) checkKey(f *faults) {
	switch prefix, tag := strings.CutPrefix(a.Key, tables.TagKey); {
	case a.Key == "":
		f.add(events.MissingField, "/key", "say what events have in common that are put together")
	case tag:
		f.unless(prefix != "" && len(prefix) <= maxKeyPrefix && LegalTag(prefix), events.InvalidValue, "/key", "tag: and 1 to 60 bytes that the tag begins with")
	case strings.HasPrefix(a.Key, "/"):
		f.unless(legalPointer(a.Key) && !strings.Contains(a.Key+"/", "/*/"), events.InvalidValue, "/key", "must be a JSON pointer as RFC 6901 has it, to one place")
	default:
		f.oneOf("/key", a.Key, keyAttributes...)
	}
}

func (a *aggregation) checkCount(r *Rules, f *faults) {
	n := 0
	for id, other := range r.aggregations {
		if other.value.Team == a.Team && id != a.ID() {
			n++
		}
	}
	f.unless(n < maxOfTeam, "TOO_MANY", "", "a team has at most 100 aggregations")
}

// checkSight holds a step against every type that there is of those that it
// names.
func (a *aggregation) checkSight(r *Rules, f *faults, step int) {
	for _, t := range r.named(a.Steps[step].EventTypes) {
		for _, fault := range r.unfitStep(a.Aggregation, step, t) {
			fault.Reason = t.Name + ": " + fault.Reason
			if !slices.Contains(*f, fault) {
				*f = append(*f, fault)
			}
		}
		if len(*f) > maxIssues {
			return
		}
	}
}
