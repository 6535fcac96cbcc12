package processors_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// manyRules are subscriptions with rules of their own each; every event that
// benchEvents makes matches ten of them, however many there are.
func manyRules(b testing.TB, subscriptions, rules int) *processors.Rules {
	b.Helper()
	r := newRules()
	var changes []processors.Change
	write := func(kind, name string, version int32, row any) {
		changes = append(changes, processors.Change{Offset: int64(len(changes)), Control: put(kind, name, version, row)})
	}
	for s := range subscriptions {
		team := fmt.Sprintf("team-%d", s%50)
		name := fmt.Sprintf("sub-%d", s)
		mine := sub(team, name)
		write(tables.KindSubscription, mine.ID(), 1, mine)
		for u := range rules {
			// ten subscriptions share a value, and every event has one value
			condition := fmt.Sprintf(`body.claimId == "v-%d-%d" && body.units >= %d`, s/10, u, u%3)
			rule := tables.RoutingRule{Team: team, Name: fmt.Sprintf("rule-%d-%d", s, u), EventTypes: []string{"CLAIM_SUBMITTED"}, Condition: condition, Destination: mine.ID(), State: tables.StateActive}
			write(tables.KindRoutingRule, rule.ID(), 1, rule)
		}
	}
	next, outcomes := r.Apply(changes)
	for _, o := range outcomes {
		if !o.Applied {
			b.Fatalf("%+v", o.Faults)
		}
	}
	return next
}

func benchEvents(rules int) []events.Envelope {
	all := make([]events.Envelope, 100)
	for i := range all {
		body := fmt.Sprintf(`{"eventType":"CLAIM_SUBMITTED","claimId":"v-0-%d","claimType":"DENTAL","amount":120.5,"units":3,"lines":[{"code":"D0120","charge":60.25},{"code":"D1110","charge":60.25}],"member":{"id":"m-%d","ssn":"s"}}`, i%rules, i)
		all[i] = event("CLAIM_SUBMITTED", body, "dental", "new")
	}
	return all
}

// The cost of an event follows what it matches: a hundred times the rules with
// the same ten matches cost about the same.
func BenchmarkRoute(b *testing.B) {
	for _, n := range []struct{ subscriptions, rules int }{{10, 1}, {10, 100}, {1000, 100}} {
		b.Run(fmt.Sprintf("subscriptions=%d/rules=%d", n.subscriptions, n.rules), func(b *testing.B) {
			r, all := manyRules(b, n.subscriptions, n.rules), benchEvents(n.rules)
			if got := len(r.Route(all[0]).Deliveries); got != 10 {
				b.Fatalf("%d deliveries", got)
			}
			for _, e := range all { // the index is made
				r.Route(e)
			}
			runtime.GC() // what making the rules left behind
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			for i := range b.N {
				r.Route(all[i%len(all)])
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "CPU-s/1M-events")
		})
	}
}

func BenchmarkApply(b *testing.B) {
	var changes []processors.Change
	for i := range 100_000 {
		team := fmt.Sprintf("team-%d", i%500)
		var c events.Control
		switch i % 4 {
		case 0:
			c = put(tables.KindSubscription, fmt.Sprintf("%s/s-%d", team, i), 1, sub(team, fmt.Sprintf("s-%d", i)))
		case 1:
			u := ruleTo(fmt.Sprintf("%s/s-%d", team, i-1), fmt.Sprintf(`body.claimId == "c-%d" && body.units > %d`, i, i), "CLAIM_*")
			u.Name, u.Destination = fmt.Sprintf("r-%d", i), ""
			c = put(tables.KindRoutingRule, fmt.Sprintf("%s/r-%d", team, i), 1, func() tables.RoutingRule { u.Team = team; return u }())
		case 2:
			class := fmt.Sprintf("CLASS_%d", i)
			c = put(tables.KindPermission, team+"/"+class, 1, tables.Permission{Team: team, Class: class})
		default:
			t := tokenRow(fmt.Sprintf("t-%d", i), team)
			c = put(tables.KindToken, t.ID, 1, t)
		}
		changes = append(changes, processors.Change{Offset: int64(i), Control: c})
	}
	for _, size := range []int{100_000, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			before := cpu(b)
			for range b.N {
				r := newRules()
				for at := 0; at < len(changes); at += size {
					var out []processors.Outcome
					r, out = r.Apply(changes[at : at+size])
					for _, o := range out {
						if !o.Applied {
							b.Fatalf("%+v", o)
						}
					}
				}
				r.Route(event("CLAIM_SUBMITTED", `{"claimId":"c-1","units":5}`))
			}
			b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N), "CPU-s/100k-changes")
		})
	}
}

func tokenRow(id, team string) tables.Token {
	return tables.Token{ID: id, Team: team, Hash: fmt.Sprintf("%064x", 7), Scopes: tables.Scopes{Publish: []string{"CLAIM_*"}}, CreatedAt: at.Time(), ExpiresAt: at.Time().AddDate(1, 0, 0)}
}

// cpu is what the process has used, the collector's part included; other
// programs of the machine do not change it.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
