package sim

import (
	"encoding/json"
	"fmt"

	"payerflow/internal/topology"
)

// counts is how often something is there.
type counts map[string]int

// unlike says how far two counts are apart.
func (want counts) unlike(got counts, what string) (wrong []string) {
	missing, extra := 0, 0
	for k, n := range want {
		missing += max(0, n-got[k])
	}
	for k, n := range got {
		extra += max(0, n-want[k])
	}
	if missing+extra > 0 {
		wrong = append(wrong, fmt.Sprintf("%s: %d missing, %d too many", what, missing, extra))
	}
	return wrong
}

// all calls f with every committed record of a topic.
func (b *broker) all(name string, f func(r *topology.Raw)) {
	for p := range b.topics[name].logs {
		for _, r := range b.committed(name, int32(p)) {
			f(r)
		}
	}
}

// checkTallies counts everything anew from the inputs, without the groups.
func checkTallies(s *Sim) (wrong []string) {
	places, byKey, bySum, rings, bad := counts{}, counts{}, counts{}, counts{}, counts{}
	for _, topic := range []string{notes.Topic.Name, corrections.Topic.Name} {
		s.broker.all(topic, func(r *topology.Raw) {
			var n noted
			_ = json.Unmarshal(r.Value, &n) // we wrote it
			if n.Wrong {
				bad[placeOf(r)]++
				return
			}
			places[placeOf(r)]++
			byKey[n.Key+" "+placeOf(r)]++
			bySum[sumOf(n.Key)+" "+placeOf(r)]++
			if n.Ring > 0 {
				rings[placeOf(r)]++
			}
		})
	}
	rows, sums, rangRows := counts{}, counts{}, counts{}
	for key, value := range s.broker.table(tallying) {
		row := rowOf(value)
		for _, what := range row.Seen {
			rows[key+" "+what]++
		}
		for _, what := range row.Rang {
			rangRows[what]++
		}
	}
	for key, value := range s.broker.table(summing) {
		for _, what := range rowOf(value).Seen {
			sums[key+" "+what]++
		}
	}
	wrong = append(wrong, byKey.unlike(rows, "records in rows")...)
	wrong = append(wrong, places.unlike(s.whats(tolds.Topic.Name), "outputs")...)
	wrong = append(wrong, bySum.unlike(sums, "outputs in sums")...)
	wrong = append(wrong, rings.unlike(rangRows, "timers in rows")...)
	wrong = append(wrong, rings.unlike(s.whats(rangs.Topic.Name), "timers in outputs")...)
	dead := counts{}
	for _, topic := range []topology.Topic{notes.Topic, corrections.Topic} {
		s.broker.all(topic.DLQ().Name, func(r *topology.Raw) { dead[string(r.Header(headerPlace))]++ })
	}
	wrong = append(wrong, bad.unlike(dead, "dead letters")...)
	return append(wrong, s.checkEffects(mailing)...)
}

func rowOf(b []byte) (t tally) {
	_ = json.Unmarshal(b, &t) // a group wrote it
	return t
}

// whats counts what the records of a topic tell.
func (s *Sim) whats(topic string) counts {
	got := counts{}
	s.broker.all(topic, func(r *topology.Raw) {
		var t told
		_ = json.Unmarshal(r.Value, &t) // a group wrote it
		got[t.What]++
	})
	return got
}

// checkEffects says whether each event of a group's input was performed or
// parked, and for the first time in the order of its key.
func (s *Sim) checkEffects(g topology.Declared) (wrong []string) {
	in := g.Inputs[0].Topic
	want, had := counts{}, counts{}
	s.broker.all(in.Name, func(r *topology.Raw) { want[placeOf(r)] = 1 })
	last, disorder := map[string]int64{}, 0
	for _, e := range s.acts {
		at := placeOf(&topology.Raw{Topic: e.of.Topic, Partition: e.of.Partition, Offset: e.of.Offset})
		if had[at] == 0 && e.of.Offset < last[e.key] {
			disorder++
		}
		had[at], last[e.key] = 1, max(last[e.key], e.of.Offset)
	}
	s.broker.all(in.DLQ().Name, func(r *topology.Raw) { had[string(r.Header(headerPlace))] = 1 })
	if disorder > 0 {
		wrong = append(wrong, fmt.Sprintf("%d effects out of order", disorder))
	}
	if n := len(s.broker.table(g)); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d keys with effects that are still to do", n))
	}
	return append(wrong, want.unlike(had, "effects")...)
}
