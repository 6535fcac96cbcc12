package events_test

import (
	"strings"
	"testing"

	"payerflow/events"
)

func reported() events.AppealUpdated {
	return events.AppealUpdated{Type: events.TypeReconsiderationReceived, AppealID: "a", ClaimID: "c", MemberID: "m", ProviderID: "p", SourceSystem: "portal", UpdatedAt: at}
}

func decided() events.AppealUpdated {
	return with(reported(), func(e *events.AppealUpdated) {
		e.Type, e.Outcome = events.TypeReconsiderationDecided, some(events.OutcomeUpheld)
	})
}

func TestAReconsiderationSaysWhatItsTypeWants(t *testing.T) {
	for name, c := range map[string]struct {
		e             events.AppealUpdated
		code, pointer string
	}{
		"no due date":       {with(reported(), func(e *events.AppealUpdated) { e.Type = events.TypeReconsiderationInfoRequested }), events.MissingField, "/informationDueDate"},
		"no outcome":        {with(decided(), func(e *events.AppealUpdated) { e.Outcome = nil }), events.MissingField, "/outcome"},
		"another outcome":   {with(decided(), func(e *events.AppealUpdated) { e.Outcome = some(canary) }), events.InvalidValue, "/outcome"},
		"no system":         {with(reported(), func(e *events.AppealUpdated) { e.SourceSystem = "" }), events.MissingField, "/sourceSystem"},
		"a system of words": {with(reported(), func(e *events.AppealUpdated) { e.SourceSystem = "the portal" }), events.InvalidValue, "/sourceSystem"},
		"a long system":     {with(reported(), func(e *events.AppealUpdated) { e.SourceSystem = strings.Repeat("x", 65) }), events.InvalidValue, "/sourceSystem"},
		"another type":      {with(reported(), func(e *events.AppealUpdated) { e.Type = events.TypeAppealResolved }), events.UnknownEventType, "/eventType"},
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, c.e, true, c.code, c.pointer) })
	}
	wantFault(t, with(reported(), func(e *events.AppealUpdated) {
		e.Type, e.InformationDueDate = events.TypeReconsiderationInfoRequested, some(events.Date(20500))
	}), false, "", "")
}
