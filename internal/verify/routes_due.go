package verify

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
)

// targets are topics that must have an event, and those that may.
type targets struct{ must, may []string }

// note keeps an event that comes for the first time, and where it must go.
func (run *routesRun) note(r *kgo.Record, first coordinates, e events.Envelope, domain string, at int) error {
	rules := run.book.at[at]
	id := idOf(e)
	if i, again := run.byID[id]; again {
		run.c.Counts["again"]++
		if header(r, "pf_output") != nil {
			run.redone[i] = true
		}
		return nil
	}
	t, registered := rules.types[string(e.Type)]
	must, may := rules.gets(e, run.judge)
	if !registered {
		must, may = nil, nil
	}
	if domain == "" && t.Topic != "" {
		must = append(must, t.Topic)
	}
	must = slices.DeleteFunc(must, func(topic string) bool { return run.letters.without(first, topic) })
	if header(r, "pf_aggregation") != nil { // what an aggregation said is dropped where it is no more
		must, may = nil, append(must, may...)
	}
	if len(may) > 0 {
		run.c.Counts["conditions not judged"]++
	}
	i := int32(len(run.events))
	run.events = append(run.events, routed{source: run.source(r), rules: int32(at), to: run.set(must, may), key: hashOf(string(e.Key))})
	run.byID[id] = i
	if domain == "" && t.Topic != "" {
		byKey := sumOf([]byte(t.Topic), []byte(e.ID), []byte(e.Key))
		if _, twice := run.byKey[byKey]; !twice {
			run.byKey[byKey] = i
		}
	}
	return nil
}

// idOf is the identity of an event among all: ids are unique within a
// publisher, or where a service wrote itself within a type.
func idOf(e events.Envelope) uint64 {
	return sumOf([]byte(e.Publisher), []byte(ownSpace(e)), []byte(e.ID))
}

func (run *routesRun) source(r *kgo.Record) uint32 {
	at := coordinates{topic: r.Topic, partition: r.Partition}
	n, known := run.sources[at]
	if !known {
		n = uint32(len(run.sources))
		run.sources[at] = n
	}
	return n
}

func (run *routesRun) set(must, may []string) int32 {
	name := strings.Join(must, " ") + "|" + strings.Join(may, " ")
	i, known := run.sets[name]
	if !known {
		i = int32(len(run.targets))
		run.sets[name], run.targets = i, append(run.targets, targets{must, may})
	}
	return i
}
