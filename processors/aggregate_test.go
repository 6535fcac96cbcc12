package processors_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// factsOf are what the router writes for aggregations.
func factsOf(t *testing.T, r *processors.Rules, e events.Envelope) (out []events.AggregationMatched) {
	t.Helper()
	e.TransactionID, e.Publisher, e.Digest = "tx", "claims", strings.Repeat("a", 64)
	_, all := processors.RouteReceived(tables.Processed{}, topology.Record[events.Envelope]{Key: string(e.Key), Body: e, ID: func() string { return e.ID }, Source: &topology.Raw{Timestamp: at.Time()}}, processors.NewInForce(r, at.Time()))
	for _, o := range all {
		switch v := o.Value.(type) {
		case events.AggregationMatched:
			if o.Key != string(v.Key) || topology.KeyFault([]byte(o.Key)) != "" {
				t.Errorf("the key cannot be a record's")
			}
			out = append(out, v)
		case topology.Reject:
			t.Errorf("%+v", v)
		}
	}
	return out
}

// Each event that cannot be used has its outcome.
func TestEventsThatCannotBeUsed(t *testing.T) {
	by := func(change func(*tables.Aggregation)) *processors.Rules {
		a := lines()
		a.Steps[0].Condition = ""
		change(&a)
		return taken(t, aggregating(t), putAggregation(a))
	}
	plain := by(func(*tables.Aggregation) {})
	tagged := by(func(a *tables.Aggregation) { a.Key = "tag:state:" })
	for name, c := range map[string]struct {
		rules *processors.Rules
		body  string
		tags  []string
		want  string // fault, or group and values
	}{
		"as it should be":           {plain, `{"claimId":"c1","amount":5.5,"units":3}`, nil, "c1 [5.50 3]"},
		"a number in a text":        {plain, `{"claimId":"c1","amount":"144.00","units":3}`, nil, "c1 [144 3]"},
		"no number":                 {plain, `{"claimId":"c1","units":3}`, nil, "c1 [ 3]"},
		"null for a number":         {plain, `{"claimId":"c1","amount":null,"units":3}`, nil, "c1 [ 3]"},
		"a word for a number":       {plain, `{"claimId":"c1","amount":"ten","units":3}`, nil, "NOT_A_NUMBER"},
		"an object for a number":    {plain, `{"claimId":"c1","amount":{},"units":3}`, nil, "NOT_A_NUMBER"},
		"a number beyond all":       {plain, `{"claimId":"c1","amount":1e30,"units":3}`, nil, "NOT_A_NUMBER"},
		"below zero in percentiles": {plain, `{"claimId":"c1","amount":-1,"units":-3}`, nil, "NOT_A_NUMBER"},
		"no key":                    {plain, `{"amount":5.5,"units":3}`, nil, "NO_KEY"},
		"an empty key":              {plain, `{"claimId":"","amount":5.5,"units":3}`, nil, "NO_KEY"},
		"a key with a line's end":   {plain, `{"claimId":"a\nb","units":3}`, nil, "sha256:"},
		"a key of a thousand bytes": {plain, `{"claimId":"` + strings.Repeat("k", 1000) + `","units":3}`, nil, "sha256:"},
		"a reserved key":            {plain, `{"claimId":"__x","units":3}`, nil, "sha256:"},
		"no tag":                    {tagged, `{"claimId":"c1","units":3}`, []string{"vip"}, "NO_KEY"},
		"two tags":                  {tagged, `{"claimId":"c1","units":3}`, []string{"state:IN", "state:OH"}, "state:IN [ 3], state:OH [ 3]"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range factsOf(t, c.rules, event("CLAIM_SUBMITTED", c.body, c.tags...)) {
				if f.Fault != "" {
					got = append(got, f.Fault)
					continue
				}
				text := string(f.Group) + " ["
				for i, v := range f.Values {
					text += strings.Repeat(" ", min(i, 1)) + string(v)
				}
				got = append(got, text+"]")
			}
			if all := strings.Join(got, ", "); all != c.want && (c.want != "sha256:" || !strings.HasPrefix(all, c.want)) {
				t.Errorf("%s, want %s", all, c.want)
			}
		})
	}
}

func matchedFact(p events.AggregationPlan, id string, step int32, at, arrived events.Instant, values ...events.Text) events.AggregationMatched {
	m := events.AggregationMatched{Aggregation: "care/x", Version: 3, Group: "g", Plan: p, ID: id, Step: step, At: at, MatchedAt: arrived, Values: values, Tags: []string{}}
	m.Key = events.AggregationKey(m.Aggregation, m.Version, m.Group)
	return m
}

func folded(row tables.Aggregated, m events.AggregationMatched) (tables.Aggregated, []topology.Output) {
	return processors.FoldAggregationMatched(row, topology.Record[events.AggregationMatched]{Key: string(m.Key), Body: m, Source: &topology.Raw{}})
}

func reasonOf(out []topology.Output) string {
	for _, o := range out {
		if l, ok := o.Value.(events.AggregationLate); ok {
			return l.Reason
		}
	}
	return ""
}

func TestLateEventsAreCountedAndTold(t *testing.T) {
	p := plans()["tumbling"] // 10 s, 12 s late
	var row tables.Aggregated
	row, _ = folded(row, matchedFact(p, "e1", 0, epoch+second, epoch+second))
	row, out := processors.WakeAggregated(row, topology.Waking{Clock: (epoch + 22*second).Time()})
	if len(out) != 1 {
		t.Fatalf("%+v", out)
	}
	late := matchedFact(p, "e2", 0, epoch+2*second, epoch+22*second)
	row, out = folded(row, late)
	if reasonOf(out) != "LATE" || row.Refused["LATE"] != 1 || row.Count != 1 {
		t.Errorf("%+v %+v", out, row)
	}
	row, out = folded(row, late)
	if reasonOf(out) != "" || row.Refused["LATE"] != 1 {
		t.Error("counted twice")
	}
	var fresh tables.Aggregated // as late for a key of which nothing is known any more
	fresh, out = folded(fresh, late)
	if reasonOf(out) != "LATE" || fresh.Gone() || fresh.Due().IsZero() {
		t.Errorf("%+v", fresh)
	}
	if fresh, _ = processors.WakeAggregated(fresh, topology.Waking{Clock: fresh.Due()}); !fresh.Gone() {
		t.Error("the row stays")
	}
}

// An event from the future waits for its own time, and nobody else's.
func TestAClockThatIsADayAhead(t *testing.T) {
	p := plans()["tumbling"]
	var row tables.Aggregated
	row, _ = folded(row, matchedFact(p, "now", 0, epoch, epoch))
	row, _ = folded(row, matchedFact(p, "ahead", 0, epoch+events.Instant((23*time.Hour).Microseconds()), epoch))
	if due := row.Due(); !due.Equal((epoch + 22*second).Time()) {
		t.Errorf("due %s", due)
	}
	if row, out := processors.WakeAggregated(row, topology.Waking{Clock: (epoch + 22*second).Time()}); len(out) != 1 || len(row.Windows) != 2 {
		t.Errorf("%d outputs, %d windows", len(out), len(row.Windows))
	}
}

func TestARowIsBounded(t *testing.T) {
	p := plans()["at once"] // 5 s
	var row tables.Aggregated
	var out []topology.Output
	for i := range tables.MaxAggregatedWindows + 1 {
		row, out = folded(row, matchedFact(p, fmt.Sprint("w", i), 0, epoch+events.Instant(i)*5*second, epoch))
	}
	if reasonOf(out) != "TOO_MANY_WINDOWS" || len(row.Windows) != tables.MaxAggregatedWindows {
		t.Errorf("%d windows, %s", len(row.Windows), reasonOf(out))
	}
	row, p = tables.Aggregated{}, plans()["absence"]
	for i := range tables.MaxAggregatedFacts + 1 {
		row, out = folded(row, matchedFact(p, fmt.Sprint("f", i), 0, epoch+second, epoch+second))
	}
	if reasonOf(out) != "TOO_MANY_EVENTS" || len(row.Facts) != tables.MaxAggregatedFacts {
		t.Errorf("%d facts, %s", len(row.Facts), reasonOf(out))
	}
	row, p = tables.Aggregated{}, plans()["tumbling"]
	huge := events.Text(strings.Repeat("9", 24))
	row, _ = folded(row, matchedFact(p, "a", 0, epoch, epoch, huge))
	before := row.Windows[0].Values[0]
	if row, out = folded(row, matchedFact(p, "b", 0, epoch, epoch, huge)); reasonOf(out) != "NUMBER_TOO_LARGE" || row.Windows[0].Values[0].Value != before.Value || row.Windows[0].Count != 1 {
		t.Errorf("%s", reasonOf(out))
	}
}

func TestTooManyKeysStopAnAggregation(t *testing.T) {
	account := func(rows int64) events.AggregationMatched {
		m := matchedFact(plans()["every"], "", 0, epoch, epoch)
		m.Group, m.Rows = "", rows
		m.Key = events.AggregationKey(m.Aggregation, m.Version, "")
		return m
	}
	row, out := folded(tables.Aggregated{}, account(999_999))
	if len(out) > 0 {
		t.Fatal("stopped too early")
	}
	row, out = folded(row, account(64))
	c, ok := out[0].Value.(events.Control)
	if !ok || c.Act != events.ControlQuarantine || c.Kind != tables.KindAggregation || c.Name != "care/x" || c.Version != 4 {
		t.Fatalf("%+v", out)
	}
	if row, out = folded(row, account(64)); len(out) > 0 {
		t.Error("stopped twice")
	}
	if row, _ = folded(row, account(-64)); row.Rows != 999_999+64 {
		t.Errorf("%d rows", row.Rows)
	}
}

// About every 64th key is counted, when it begins and when it goes.
func TestKeysAreCounted(t *testing.T) {
	p, began, went := plans()["tumbling"], int64(0), int64(0)
	rowsOf := func(out []topology.Output) (n int64) {
		for _, o := range out {
			if m, ok := o.Value.(events.AggregationMatched); ok {
				n += m.Rows
			}
		}
		return n
	}
	for i := range 6400 {
		m := matchedFact(p, "e", 0, epoch, epoch)
		m.Group = events.ID(fmt.Sprint("g", i))
		row, out := folded(tables.Aggregated{}, m)
		began += rowsOf(out)
		for !row.Gone() {
			row, out = processors.WakeAggregated(row, topology.Waking{Clock: row.Due()})
			went += rowsOf(out)
		}
	}
	if began != -went || began < 3200 || began > 12800 {
		t.Errorf("%d began and %d went of 6400", began, -went)
	}
}

// Trying an aggregation says what it would have emitted, to its own team.
func TestAggregationsAreTried(t *testing.T) {
	before := aggregating(t)
	a := lines()
	row, faults := before.With([]tables.ProposedChange{{Kind: tables.KindAggregation, Name: a.ID(), Act: events.ControlPut, Row: rowJSON(a)}})
	if len(faults) > 0 {
		t.Fatalf("%+v", faults)
	}
	run := processors.NewDryRun(before, row)
	for i := range 30 { // three claims, and five hours; the last hour is not over
		e := event("CLAIM_SUBMITTED", strings.Replace(claimBody, `"c1"`, fmt.Sprintf(`"c%d"`, i%3), 1))
		e.ID, e.Key, e.At = fmt.Sprint("e", i), events.ID(fmt.Sprint("c", i%3)), at+events.Instant(i)*events.Instant((10*time.Minute).Microseconds())
		rec := topology.Record[events.Envelope]{Key: string(e.Key), Body: e, Source: &topology.Raw{Timestamp: e.At.Time()}}
		_, _ = processors.TryReceived(tables.Processed{}, rec, run.Tally())
		_, _ = processors.TryReceived(tables.Processed{}, rec, run.Tally()) // twice is once
	}
	got := run.Compare(0, processors.Viewer{Team: "care", Acts: func(team string) bool { return team == "care" }})
	if len(got.Aggregations) != 1 {
		t.Fatalf("%+v", got.Aggregations)
	}
	if c := got.Aggregations[0]; c.Name != a.ID() || c.Events != 30 || c.Keys != 3 || c.Outputs != 12 || c.Open != 3 || len(c.Samples) != 3 || !strings.Contains(string(c.Samples[0].Body), events.Redacted) {
		t.Errorf("%+v", c)
	}
	if got := run.Compare(0, processors.Viewer{Team: "desk", Acts: func(team string) bool { return team == "desk" }}); len(got.Aggregations) != 0 {
		t.Error("another team's aggregation is shown")
	}
	same := processors.NewDryRun(row, row)
	if got := same.Compare(0, processors.Viewer{Acts: func(string) bool { return true }}); len(got.Aggregations) != 0 {
		t.Error("what does not change was tried")
	}
}
