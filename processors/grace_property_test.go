package processors_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// theEnd is after all dates of the facts.
var theEnd = day("2028-01-01").Time()

func wake(row tables.GracePeriods, p processors.GracePolicies, now time.Time) (tables.GracePeriods, []topology.Output) {
	if due := row.Due(); due.IsZero() || due.After(now) {
		return row, nil
	}
	return processors.WakeGrace(row, topology.Waking{Key: memberID, Due: row.Due(), Clock: now, Pinned: p})
}

// The same facts in any order and any duplication give the same row, but for
// how often something was said and taken back.
func TestGraceOfTheSameFactsIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := premiumFacts(t, true)
		again := slices.Concat(facts, rapid.SliceOfN(rapid.SampledFrom(facts), 0, 5).Draw(t, "doubles"))
		again = rapid.Permutation(again).Draw(t, "order")
		var one, other tables.GracePeriods
		p := processors.NewGracePolicies(nil, 0)
		for _, f := range facts {
			one, _ = foldPremium(one, f, p)
		}
		for _, f := range again {
			other, _ = foldPremium(other, f, p)
		}
		one, _ = wake(one, p, theEnd)
		other, _ = wake(other, p, theEnd)
		if one, other = factsOnly(one), factsOnly(other); !reflect.DeepEqual(one, other) {
			t.Fatalf("%s\n%s", dump(one), dump(other))
		}
		if !one.Due().IsZero() {
			t.Fatalf("still due at %s", one.Due())
		}
	})
}

// A fold leaves the row that it was given as it was.
func TestGraceFoldsChangeNothingInPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var row tables.GracePeriods
		p := processors.NewGracePolicies(nil, 0)
		for _, f := range premiumFacts(t, true) {
			before := dump(row)
			next, _ := foldPremium(row, f, p)
			woken, _ := wake(next, p, theEnd)
			after := dump(next)
			if _, _ = foldPremium(woken, f, p); dump(row) != before || dump(next) != after {
				t.Fatal("a row was changed in place")
			}
			row = next
		}
	})
}

// What is said, when, and taken back is what a model says that goes through the
// days one by one; each event is said once; our own words change nothing when
// they come back, at once, later, or twice.
func TestWhatIsSaidIsWhatTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var row tables.GracePeriods
		var known []topology.Event
		p := processors.NewGracePolicies(nil, 0)
		now := day("2026-01-01").Time()
		said, ids, echoes := map[string]bool{}, map[string]bool{}, []premiumFact{}
		note := func(out []topology.Output) {
			for _, o := range out {
				e := o.Value.(events.PaymentMissed)
				id := string(o.Headers[0].Value)
				if ids[id] {
					t.Fatalf("%s of %s is said twice with one id", e.Type, string(e.InvoiceID))
				}
				ids[id] = true
				of, back := e.Type.Retracts()
				if !back {
					of = e.Type
				}
				key := fmt.Sprintf("%s %s %s", string(e.InvoiceID), of, ends(e.GraceEnds))
				if said[key] != back {
					t.Fatalf("%s %s: said before %v, taken back %v", e.Type, key, said[key], back)
				}
				if said[key] = !back; back {
					delete(said, key)
				}
				echoes = append(echoes, premiumFact{id, e})
			}
		}
		facts := premiumFacts(t, false)
		for len(facts) > 0 || now.Before(theEnd) {
			var out []topology.Output
			switch rapid.SampledFrom([]string{"fact", "fact", "time", "echo"}).Draw(t, "what") {
			case "fact":
				if len(facts) > 0 {
					row, out = foldPremium(row, facts[0], p)
					known, facts = append(known, facts[0].body), facts[1:]
				}
			case "echo":
				if len(echoes) > 0 {
					row, out = foldPremium(row, rapid.SampledFrom(echoes).Draw(t, "echo"), p)
				}
			case "time":
				now = now.Add(time.Duration(rapid.IntRange(1, 2000).Draw(t, "hours")) * time.Hour)
			}
			note(out)
			row, out = wake(row, p, now)
			note(out)
			if want := graceModel(known, now); !maps.Equal(said, want) {
				t.Fatalf("at %s\nsaid %v\nwant %v\n%s", now, said, want, dump(row))
			}
		}
	})
}

// dump shows a row with its values; they are made up.
func dump(row tables.GracePeriods) string {
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func ends(d *events.Date) string {
	if d == nil {
		return "-"
	}
	return d.String()
}
