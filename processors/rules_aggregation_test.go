package processors_test

import (
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// aggregatedSchema takes every output.
const aggregatedSchema = `{"type":"object","properties":{"aggregation":{"type":"string"},"version":{"type":"integer"},"combine":{"type":"string"},"key":{"type":"string"},
	"start":{"type":"string","format":"date-time"},"end":{"type":"string","format":"date-time"},"count":{"type":"integer"},
	"values":{"type":"object","additionalProperties":{"type":"string"}},"events":{"type":"array","items":{"type":"string"}},
	"steps":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"time":{"type":"string"}}}},"elapsedMs":{"type":"integer"}},
	"required":["aggregation","key","start","end","count"],"additionalProperties":false}`

func outputType(team, object string, fields ...tables.Field) tables.EventType {
	name := "Claims-Combined-" + object
	return tables.EventType{Name: name, Parts: []string{"Claims", "Combined", object}, Version: 1, Owner: team, Schema: aggregatedSchema, KeyField: "/key", State: tables.StateActive,
		Fields: append([]tables.Field{{Pointer: "/count", Class: "PUBLIC"}, {Pointer: "/values/*", Class: "PUBLIC"}, {Pointer: "/elapsedMs", Class: "PUBLIC"}}, fields...)}
}

func openKey() tables.Field { return tables.Field{Pointer: "/key", Class: "PUBLIC"} }

func putType(t tables.EventType) events.Control { return put(tables.KindEventType, t.Name, 1, t) }

// lines is an aggregation that is taken: sums by claim and hour.
func lines() tables.Aggregation {
	return tables.Aggregation{Team: "care", Name: "hourly", Combine: tables.AggregateWindow, Key: "/claimId", Output: "Claims-Combined-Hour", Synthetic: tables.Discard, State: tables.StateActive,
		Steps:    []tables.AggregationStep{{Name: "claims", EventTypes: []string{"CLAIM_SUBMITTED"}, Condition: `body.units > 1`}},
		Window:   &tables.AggregationWindow{Shape: tables.ShapeTumbling, Size: "1h"},
		Values:   []tables.AggregationValue{{Name: "total", Do: tables.DoSum, Of: "/amount"}, {Name: "p95", Do: tables.DoPercentile, Of: "/units", Percentile: 95}},
		Lateness: "1m"}
}

func waits() tables.Aggregation {
	a := lines()
	a.Name, a.Combine, a.Window, a.Values, a.Within = "undecided", tables.AggregateAbsence, nil, nil, "7d"
	a.Steps = []tables.AggregationStep{{Name: "submitted", EventTypes: []string{"CLAIM_SUBMITTED"}}, {Name: "denied", EventTypes: []string{"CLAIM_DENIED"}}}
	return a
}

func aggregating(t testing.TB) *processors.Rules {
	return taken(t, newRules(), putType(outputType("care", "Hour", openKey())), putType(outputType("desk", "Desk", openKey())))
}

func putAggregation(a tables.Aggregation) events.Control {
	return put(tables.KindAggregation, a.ID(), 1, a)
}

func TestAggregationsAreChecked(t *testing.T) {
	r := aggregating(t)
	for _, a := range []tables.Aggregation{lines(), waits()} {
		if faults := r.Check(putAggregation(a)); len(faults) > 0 {
			t.Fatalf("%s: %+v", a.Name, faults)
		}
	}
	window := func(w tables.AggregationWindow) func(*tables.Aggregation) {
		return func(a *tables.Aggregation) { a.Window = &w }
	}
	for name, c := range map[string]struct {
		of     func() tables.Aggregation
		change func(*tables.Aggregation)
		want   string
	}{
		"unknown type":             {lines, func(a *tables.Aggregation) { a.Steps[0].EventTypes = []string{"NOBODY"} }, "UNKNOWN_EVENT_TYPE /steps/0/eventTypes/0"},
		"value not to be seen":     {lines, func(a *tables.Aggregation) { a.Values[0].Of = "/member/id" }, "NOT_VISIBLE /values/0/of"},
		"value nobody classed":     {lines, func(a *tables.Aggregation) { a.Values[0].Of = "/nowhere" }, "NOT_VISIBLE /values/0/of"},
		"key not to be seen":       {lines, func(a *tables.Aggregation) { a.Key = "/member/id" }, "NOT_VISIBLE /key"},
		"user not to be seen":      {lines, func(a *tables.Aggregation) { a.Key = "userId" }, "NOT_VISIBLE /key"},
		"condition not to be seen": {lines, func(a *tables.Aggregation) { a.Steps[0].Condition = `body.member.ssn == "1"` }, "NOT_VISIBLE /steps/0/condition"},
		"condition misspelt":       {lines, func(a *tables.Aggregation) { a.Steps[0].Condition = `body.unit == 1` }, "INVALID_CONDITION /steps/0/condition"},
		"key of several places":    {lines, func(a *tables.Aggregation) { a.Key = "/lines/*/code" }, "INVALID_VALUE /key"},
		"no key":                   {lines, func(a *tables.Aggregation) { a.Key = "" }, "MISSING_FIELD /key"},
		"unknown attribute":        {lines, func(a *tables.Aggregation) { a.Key = "colour" }, "INVALID_VALUE /key"},
		"window of nothing":        {lines, window(tables.AggregationWindow{Shape: "tumbling", Size: "0s"}), "INVALID_VALUE /window/size"},
		"window of ten years":      {lines, window(tables.AggregationWindow{Shape: "tumbling", Size: "3650d"}), "INVALID_VALUE /window/size"},
		"window of words":          {lines, window(tables.AggregationWindow{Shape: "tumbling", Size: "a while"}), "INVALID_VALUE /window/size"},
		"hops within a second":     {lines, window(tables.AggregationWindow{Shape: "hopping", Size: "1h", Every: "1s"}), "INVALID_VALUE /window/every"},
		"hops that do not fit":     {lines, window(tables.AggregationWindow{Shape: "hopping", Size: "1h", Every: "25m"}), "INVALID_VALUE /window/every"},
		"session with a size":      {lines, window(tables.AggregationWindow{Shape: "session", Size: "1h", Gap: "1m"}), "INVALID_VALUE /window/size"},
		"no window":                {lines, func(a *tables.Aggregation) { a.Window = nil }, "MISSING_FIELD /window"},
		"too late":                 {lines, func(a *tables.Aggregation) { a.Lateness = "8d" }, "INVALID_VALUE /lateness"},
		"too many open":            {lines, func(a *tables.Aggregation) { a.Window.Size, a.Lateness = "1m", "2h" }, "TOO_MANY /lateness"},
		"percentile 100":           {lines, func(a *tables.Aggregation) { a.Values[1].Percentile = 100 }, "INVALID_VALUE /values/1/percentile"},
		"percentile 0":             {lines, func(a *tables.Aggregation) { a.Values[1].Percentile = 0 }, "INVALID_VALUE /values/1/percentile"},
		"unknown deed":             {lines, func(a *tables.Aggregation) { a.Values[0].Do = "median" }, "INVALID_VALUE /values/0/do"},
		"output of others":         {lines, func(a *tables.Aggregation) { a.Output = "Claims-Combined-Desk" }, "OTHER_TEAM /output"},
		"output unknown":           {lines, func(a *tables.Aggregation) { a.Output = "Claims-Combined-Nothing" }, "UNKNOWN_EVENT_TYPE /output"},
		"itself": {lines, func(a *tables.Aggregation) {
			a.Steps[0] = tables.AggregationStep{Name: "all", EventTypes: []string{"Claims-*"}}
			a.Key = "key"
			a.Values = nil
		}, "CYCLE /output"},
		"one step to wait for": {waits, func(a *tables.Aggregation) { a.Steps = a.Steps[:1] }, "INVALID_VALUE /steps"},
		"a wait without end":   {waits, func(a *tables.Aggregation) { a.Within = "" }, "INVALID_VALUE /within"},
		"a wait of ten years":  {waits, func(a *tables.Aggregation) { a.Within = "3650d" }, "INVALID_VALUE /within"},
		"a wait with numbers":  {waits, func(a *tables.Aggregation) { a.Values = lines().Values }, "INVALID_VALUE /values"},
		"two steps of a name":  {waits, func(a *tables.Aggregation) { a.Steps[1].Name = "submitted" }, "INVALID_VALUE /steps/1/name"},
		"a state of its own":   {waits, func(a *tables.Aggregation) { a.State = tables.StateShadow }, "INVALID_VALUE /state"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.of()
			c.change(&a)
			if got := codes(r.Check(putAggregation(a))); got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, r.Check(putAggregation(a)))
			}
		})
	}
}

// What an output says has the class that it had where it came from.
func TestAggregationsDoNotDeclassify(t *testing.T) {
	pii := tables.Permission{Team: "care", Class: "PII"}
	r := taken(t, aggregating(t), put(tables.KindPermission, pii.ID(), 1, pii))
	a := lines()
	a.Key = "/member/id"
	if got := codes(r.Check(putAggregation(a))); got != "INVALID_VALUE /key" {
		t.Error(got)
	}
	a.Output = "Claims-Combined-Member"
	r = taken(t, r, putType(outputType("care", "Member", tables.Field{Pointer: "/key", Class: "PII"})), putAggregation(a))
	open := outputType("care", "Member", openKey())
	r = taken(t, r, put(tables.KindEventType, open.Name, 2, open))
	stands, _ := r.Aggregation(a.ID())
	e := event("CLAIM_SUBMITTED", claimBody)
	if stands.State != tables.StateQuarantined || len(r.Route(e).Matches) != 0 {
		t.Errorf("%+v: its key is still published", stands)
	}
}

func TestAggregationCyclesAreNamed(t *testing.T) {
	r := aggregating(t)
	for _, object := range []string{"A", "B", "C"} {
		r = taken(t, r, putType(outputType("care", object, openKey())))
	}
	link := func(name, from, to string) tables.Aggregation {
		a := lines()
		a.Name, a.Key, a.Values, a.Output = name, "key", nil, "Claims-Combined-"+to
		a.Steps = []tables.AggregationStep{{Name: "in", EventTypes: []string{from}}}
		return a
	}
	r = taken(t, r, putAggregation(link("one", "Claims-Combined-A", "B")), putAggregation(link("two", "Claims-Combined-B*", "C")))
	faults := r.Check(putAggregation(link("three", "*-C", "A")))
	if codes(faults) != "CYCLE /output" || !strings.HasSuffix(faults[0].Reason, "care/three > care/one > care/two > care/three") {
		t.Errorf("%+v", faults)
	}
	if faults := r.Check(putAggregation(link("three", "*-C", "Hour"))); len(faults) > 0 {
		t.Errorf("a chain without a cycle: %+v", faults)
	}
}

func TestAggregationsHaveTheirTypes(t *testing.T) {
	r := taken(t, aggregating(t), putAggregation(lines()))
	drop := events.Control{Kind: tables.KindEventType, Name: "Claims-Combined-Hour", Version: 2, Act: events.ControlDelete, By: "t", At: at}
	if got := codes(r.Check(drop)); got != "ROW_IN_USE" {
		t.Error(got)
	}
	narrow := outputType("care", "Narrow", openKey())
	narrow.Schema = `{"type":"object","properties":{"key":{"type":"string"}},"additionalProperties":false}`
	late := outputType("care", "Late", openKey())
	late.KeyField = ""
	r = taken(t, r, putType(narrow), putType(late))
	for output, want := range map[string]string{narrow.Name: "INCOMPATIBLE /output", late.Name: "INVALID_VALUE /output"} {
		a := lines()
		a.Name, a.Output = "other", output
		if got := codes(r.Check(putAggregation(a))); got != want {
			t.Errorf("%s: %s", output, got)
		}
	}
}

// An aggregation that fails at run time is put into quarantine as a rule is.
func TestAggregationFailsAlone(t *testing.T) {
	a := lines()
	a.Steps[0].Condition = `1 / body.units == 0`
	r := taken(t, aggregating(t), putAggregation(a))
	e := event("CLAIM_SUBMITTED", strings.Replace(claimBody, `"units":3`, `"units":0`, 1))
	routed := r.Route(e)
	if len(routed.Failed) != 1 || routed.Failed[0].Kind != tables.KindAggregation || routed.Failed[0].Name != a.ID() {
		t.Fatalf("%+v", routed.Failed)
	}
	r = taken(t, r, events.Control{Kind: tables.KindAggregation, Name: a.ID(), Version: 2, Act: events.ControlQuarantine, By: "router", Why: "failed", At: at})
	if now, _ := r.Aggregation(a.ID()); now.State != tables.StateQuarantined || len(r.Route(e).Failed) != 0 {
		t.Errorf("%+v", now)
	}
}
