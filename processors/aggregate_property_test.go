package processors_test

import (
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const second = events.Instant(1_000_000)

func plans() map[string]events.AggregationPlan {
	sec := int64(second)
	sum := []events.AggregationNumber{{Name: "sum", Do: tables.DoSum}, {Name: "least", Do: tables.DoMin}, {Name: "most", Do: tables.DoMax}, {Name: "p50", Do: tables.DoPercentile, Percentile: 50}}
	return map[string]events.AggregationPlan{
		"every":    {Kind: tables.AggregateEvery, Steps: []string{"a"}},
		"all of":   {Kind: tables.AggregateAllOf, Steps: []string{"a", "b", "c"}, Within: 20 * sec, Lateness: 7 * sec},
		"absence":  {Kind: tables.AggregateAbsence, Steps: []string{"a", "b"}, Within: 15 * sec, Before: 15 * sec, Lateness: 5 * sec},
		"led":      {Kind: tables.AggregateAbsence, Steps: []string{"a", "b", "c"}, Within: 10 * sec, Before: 25 * sec, Lateness: 5 * sec},
		"tumbling": {Kind: tables.AggregateWindow, Steps: []string{"a"}, Shape: tables.ShapeTumbling, Size: 10 * sec, Every: 10 * sec, Lateness: 12 * sec, Values: sum},
		"hopping":  {Kind: tables.AggregateWindow, Steps: []string{"a"}, Shape: tables.ShapeHopping, Size: 12 * sec, Every: 4 * sec, Lateness: 3 * sec, Values: sum},
		"session":  {Kind: tables.AggregateWindow, Steps: []string{"a"}, Shape: tables.ShapeSession, Size: 6 * sec, Lateness: 9 * sec, Values: sum},
		"at once":  {Kind: tables.AggregateWindow, Steps: []string{"a"}, Shape: tables.ShapeTumbling, Size: 5 * sec, Every: 5 * sec},
	}
}

// clocked is one row with its clock.
type clocked struct {
	row   tables.Aggregated
	out   map[string]string // bodies by id
	twice []string          // ids that came with two bodies
}

func (f *clocked) note(out []topology.Output) {
	for _, o := range out {
		if e, ok := o.Value.(events.Envelope); ok {
			body := e.At.String() + " " + string(e.Body) + fmt.Sprint(e.Tags)
			if before, again := f.out[e.ID]; again && before != body {
				f.twice = append(f.twice, e.ID)
			}
			f.out[e.ID] = body
		}
	}
}

func (f *clocked) take(m events.AggregationMatched) {
	next, out := processors.FoldAggregationMatched(f.row, topology.Record[events.AggregationMatched]{Key: string(m.Key), At: m.At.Time(), Body: m, Source: &topology.Raw{}})
	for _, o := range out {
		if _, dropped := o.Value.(topology.Dropped); dropped {
			return
		}
	}
	f.row = next
	f.note(out)
}

func (f *clocked) tick(clock events.Instant) {
	for n := 0; ; n++ {
		due := f.row.Due()
		if due.IsZero() || due.After(clock.Time()) {
			return
		}
		if n > 100 {
			panic("stays due")
		}
		next, out := processors.WakeAggregated(f.row, topology.Waking{Due: due, Clock: clock.Time()})
		f.row = next
		f.note(out)
	}
}

// arrival is a fact on its way in, or with Step -1 a tick.
type arrival struct {
	at events.Instant
	m  events.AggregationMatched
}

var epoch = events.InstantOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))

func drawnFacts(t *rapid.T, p events.AggregationPlan) []events.AggregationMatched {
	var all []events.AggregationMatched
	for i := range rapid.IntRange(1, 14).Draw(t, "facts") {
		m := events.AggregationMatched{Aggregation: "care/x", Version: 3, Group: "g", Plan: p, ID: fmt.Sprintf("e%d", i), Tags: []string{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "tag")},
			Step: int32(rapid.IntRange(0, len(p.Steps)-1).Draw(t, "step")), At: epoch + events.Instant(rapid.IntRange(0, 90).Draw(t, "at"))*second/2, TransactionID: fmt.Sprintf("t%d", i)}
		m.Key = events.AggregationKey(m.Aggregation, m.Version, m.Group)
		for range p.Values {
			m.Values = append(m.Values, events.Text(rapid.SampledFrom([]string{"", "1.50", "2", "0.001", "7000"}).Draw(t, "value")))
		}
		all = append(all, m)
	}
	return all
}

// schedule lets each fact arrive within the lateness, some twice, with ticks
// between them, and at the end one that is after everything.
func schedule(t *rapid.T, label string, facts []events.AggregationMatched, p events.AggregationPlan) []arrival {
	var all []arrival
	for _, m := range facts {
		for n := range rapid.IntRange(1, 2).Draw(t, label+" times") {
			late := events.Instant(rapid.Int64Range(0, p.Lateness).Draw(t, label+" late"))
			m.MatchedAt = m.At + late
			if n > 0 {
				m.MatchedAt = all[len(all)-1].m.MatchedAt // the same record again
				late = max(late, m.MatchedAt-m.At)
			}
			all = append(all, arrival{m.At + late, m})
		}
	}
	for range rapid.IntRange(0, 8).Draw(t, label+" ticks") {
		all = append(all, arrival{epoch + events.Instant(rapid.Int64Range(0, int64(120*second)).Draw(t, label+" tick"))*1, events.AggregationMatched{Step: -1}})
	}
	slices.SortStableFunc(all, func(a, b arrival) int { // facts before ticks of the same time
		if a.at != b.at {
			return int(min(1, max(-1, a.at-b.at)))
		}
		return int(b.m.Step&1<<10) - int(a.m.Step&1<<10)
	})
	return append(all, arrival{epoch + 200*second, events.AggregationMatched{Step: -1}})
}

func run(all []arrival) *clocked {
	f := &clocked{out: map[string]string{}}
	for _, a := range all {
		if a.m.Step < 0 {
			f.tick(a.at)
		} else {
			f.take(a.m)
		}
	}
	return f
}

// Whatever comes within the lateness, in any order and any number of times and
// with any ticks between, gives the same outputs and the same row, and these
// are the model's.
func TestAggregatesInAnyOrder(t *testing.T) {
	for name, p := range plans() {
		t.Run(name, func(t *testing.T) {
			outputs := 0
			rapid.Check(t, func(rt *rapid.T) {
				facts := drawnFacts(rt, p)
				one, two := run(schedule(rt, "one", facts, p)), run(schedule(rt, "two", facts, p))
				if len(one.twice)+len(two.twice) > 0 {
					rt.Fatalf("one id, two events: %v %v", one.twice, two.twice)
				}
				if !maps.Equal(one.out, two.out) {
					rt.Fatalf("outputs\n%v\n%v", one.out, two.out)
				}
				if p.Kind != tables.AggregateEvery && !reflect.DeepEqual(shown(one.row), shown(two.row)) { // days are of arrival
					rt.Fatalf("rows\n%s\n%s", shown(one.row), shown(two.row))
				}
				if got, want := emittedBy(one.out), model(facts, p); !slices.Equal(got, want) {
					rt.Fatalf("emitted\n%s\nthe model\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				outputs += len(one.out)
			})
			if outputs == 0 {
				t.Error("nothing was ever emitted")
			}
		})
	}
}

func shown(r tables.Aggregated) string {
	r.Until = 0
	text, err := json.Marshal(r, json.Deterministic(true), json.FormatNilSliceAsNull(false))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// emittedBy are outputs as the model says them.
func emittedBy(out map[string]string) (all []string) {
	for _, text := range out {
		_, text, _ = strings.Cut(text, " ")
		text = text[:strings.LastIndexByte(text, '}')+1]
		var b processors.AggregatedBody
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			panic(err)
		}
		slices.Sort(b.Events)
		all = append(all, line(b.Start, b.End, b.Events, b.Values))
	}
	slices.Sort(all)
	return all
}

func line(start, end events.Instant, ids []string, values map[string]events.Text) string {
	text := fmt.Sprintf("%v-%v %v", (start-epoch)/(second/2), (end-epoch)/(second/2), ids)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text += " " + name + "=" + string(values[name])
	}
	return text
}

// model works the outputs out of all facts at once.
func model(facts []events.AggregationMatched, p events.AggregationPlan) (all []string) {
	facts = slices.Clone(facts)
	slices.SortFunc(facts, func(a, b events.AggregationMatched) int {
		if a.At != b.At {
			return int(min(1, max(-1, a.At-b.At)))
		}
		return strings.Compare(a.ID, b.ID)
	})
	switch p.Kind {
	case tables.AggregateEvery:
		for _, m := range facts {
			all = append(all, line(m.At, m.At, []string{m.ID}, nil))
		}
	case tables.AggregateWindow:
		all = modelWindows(facts, p)
	case tables.AggregateAllOf:
		all = modelAllOf(facts, p)
	case tables.AggregateAbsence:
		for _, m := range facts {
			if int(m.Step) == len(p.Steps)-2 {
				all = append(all, modelWait(facts, m, p)...)
			}
		}
	}
	slices.Sort(all)
	return all
}

func modelWindows(facts []events.AggregationMatched, p events.AggregationPlan) (all []string) {
	var spans [][2]events.Instant
	if p.Shape == tables.ShapeSession {
		for _, m := range facts {
			if n := len(spans); n > 0 && m.At <= spans[n-1][1] {
				spans[n-1][1] = m.At + events.Instant(p.Size)
			} else {
				spans = append(spans, [2]events.Instant{m.At, m.At + events.Instant(p.Size)})
			}
		}
	} else {
		first := (epoch - 100*second) / events.Instant(p.Every) * events.Instant(p.Every)
		for start := first; start < epoch+100*second; start += events.Instant(p.Every) {
			spans = append(spans, [2]events.Instant{start, start + events.Instant(p.Size)})
		}
	}
	for _, s := range spans {
		var ids []string
		numbers := make([][]*big.Rat, len(p.Values))
		for _, m := range facts {
			if m.At < s[0] || m.At >= s[1] {
				continue
			}
			ids = append(ids, m.ID)
			for i, v := range m.Values {
				if v != "" {
					r, _ := new(big.Rat).SetString(string(v))
					numbers[i] = append(numbers[i], r)
				}
			}
		}
		if len(ids) > 0 {
			slices.Sort(ids)
			all = append(all, line(s[0], s[1], ids, modelValues(p, numbers)))
		}
	}
	return all
}

func modelValues(p events.AggregationPlan, numbers [][]*big.Rat) map[string]events.Text {
	out := map[string]events.Text{}
	for i, v := range p.Values {
		all := numbers[i]
		if len(all) == 0 {
			continue
		}
		slices.SortFunc(all, (*big.Rat).Cmp)
		r := new(big.Rat)
		switch v.Do {
		case tables.DoSum:
			for _, n := range all {
				r.Add(r, n)
			}
		case tables.DoMin:
			r = all[0]
		case tables.DoMax:
			r = all[len(all)-1]
		case tables.DoPercentile: // the end of its bucket
			exact := all[(len(all)*int(v.Percentile)+99)/100-1]
			micros, _ := new(big.Rat).Mul(exact, big.NewRat(1_000_000, 1)).Float64()
			end := 1000.0
			for n := 0; end < micros; {
				n++
				end = float64([4]int64{1000, 1189, 1414, 1682}[n%4] << (n / 4))
			}
			most, _ := new(big.Rat).Mul(all[len(all)-1], big.NewRat(1_000_000, 1)).Float64()
			r.SetFrac64(int64(min(end, most)), 1_000_000)
		}
		d, _ := events.ParseDecimal(r.FloatString(12))
		out[v.Name] = events.Text(d.String())
	}
	return out
}

func modelAllOf(facts []events.AggregationMatched, p events.AggregationPlan) (all []string) {
	newest := map[int32]events.AggregationMatched{}
	for _, m := range facts {
		newest[m.Step] = m
		var ids []string
		start := m.At
		for _, o := range newest {
			if m.At-o.At <= events.Instant(p.Within) {
				ids, start = append(ids, o.ID), min(start, o.At)
			}
		}
		if len(ids) == len(p.Steps) {
			slices.Sort(ids)
			all = append(all, line(start, m.At, ids, nil))
			clear(newest)
		}
	}
	return all
}

func modelWait(facts []events.AggregationMatched, m events.AggregationMatched, p events.AggregationPlan) []string {
	end := m.At + events.Instant(p.Within)
	ids, start, next := []string{m.ID}, m.At, m.At
	for step := m.Step - 1; step >= 0; step-- {
		var best *events.AggregationMatched
		for i, o := range facts {
			if o.Step == step && o.At <= next && o.At >= m.At-events.Instant(p.Before) {
				best = &facts[i]
			}
		}
		if best == nil {
			return nil
		}
		ids, start, next = append(ids, best.ID), best.At, best.At
	}
	for _, o := range facts {
		if o.Step == m.Step+1 && o.At >= m.At && o.At <= end {
			return nil
		}
	}
	slices.Sort(ids)
	return []string{line(start, end, ids, nil)}
}
