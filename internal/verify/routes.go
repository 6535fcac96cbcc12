package verify

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
)

// routed is an event that the router took, and where copies of it must be.
type routed struct {
	source uint32 // of sources
	rules  int32  // of the rulebook
	to     int32  // of targets
	key    uint64 // hash of the entity's key
}

// targets are topics that must have an event, and those that may.
type targets struct{ must, may []string }

// routesRun is one check of deliveries.
type routesRun struct {
	l        *Log
	f        Flow
	c        *Check // routes
	redacted *Check
	book     *rulebook
	judge    *judge
	letters  parked
	at       positions
	marks    map[string]map[int32][]mark

	events  []routed
	byID    map[uint64]int32 // of copies
	byKey   map[uint64]int32 // of records in domain topics
	sources map[coordinates]uint32
	sets    map[string]int32
	targets []targets
	redone  map[int32]bool // events of which a copy was made later
	cut     bool           // the log's beginning is gone
	pass    int
	passes  int
	inputs  []string // topics that the router folds in place, and its repartition topic
	read    spans
	late    map[uint64]bool              // events that came meanwhile
	unknown map[string]map[uint64]string // records of no known event, by topic: where they lie
}

// mark is a run of one input partition that a transaction covered.
type mark struct {
	from, to int64
	control  int64
}

// routesRecords is about how many events one pass knows.
const routesRecords = 2_000_000

// Routes works out from the rules that each transaction of the router was
// pinned to who had to get which event, and looks at what they got; and whether
// copies show what their reader may not see.
func (l *Log) Routes(ctx context.Context, f Flow) (routes, redaction *Check, err error) {
	run := &routesRun{l: l, f: f, c: newCheck("routes"), redacted: newCheck("redaction"), late: map[uint64]bool{}, unknown: map[string]map[uint64]string{}}
	if run.judge, err = newJudge(); err == nil {
		err = run.prepare(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	consumers, err := l.topics(ctx, f.Consumers)
	if err != nil {
		return nil, nil, err
	}
	for run.pass = range run.passes {
		if err := run.take(ctx); err != nil {
			return nil, nil, err
		}
		if err := run.deliveries(ctx, consumers); err != nil {
			return nil, nil, err
		}
	}
	if err := run.strangers(ctx); err != nil {
		return nil, nil, err
	}
	if run.book.unsure != "" {
		run.c.undecided(run.book.unsure)
	}
	return run.c, run.redacted, nil
}

// prepare reads rules, positions, marks and dead letters.
func (run *routesRun) prepare(ctx context.Context) (err error) {
	l, f := run.l, run.f
	if run.book, err = l.rulebookOf(ctx, f); err != nil {
		return err
	}
	letters := []string{f.Firehose + ".dlq"}
	topics := []string{f.Firehose, f.Via}
	run.inputs = []string{f.Firehose, f.Via}
	for topic := range f.Domain {
		letters, topics = append(letters, topic+".dlq"), append(topics, topic)
	}
	if run.letters, err = l.parkedBy(ctx, letters, f.Router); err != nil {
		return err
	}
	held, err := l.held(ctx, true, topics...)
	if err != nil {
		return err
	}
	followers := []Follower{{f.Router, f.Firehose}, {f.Router, f.Via}}
	for topic := range f.Domain {
		if len(held[topic]) == f.Partitions {
			run.inputs, followers = append(run.inputs, topic), append(followers, Follower{f.Router, topic})
		}
	}
	if run.at, err = l.committed(ctx, followers); err != nil {
		return err
	}
	run.passes = int(held.size()/routesRecords) + 1
	for _, ps := range held {
		for _, s := range ps {
			run.cut = run.cut || s.from > 0
		}
	}
	read, _, err := decoder(codecs.NewAvro[events.BatchRouted](f.Routed, eventBytes), l.Schemas, f.Routed)
	if err != nil {
		return err
	}
	run.marks = map[string]map[int32][]mark{}
	if held, err = l.held(ctx, false, f.Routed); err != nil {
		return err
	}
	err = l.read(ctx, held, false, func(r *kgo.Record) error {
		m, err := read(r.Value)
		if err != nil {
			return unless(faulty(err), err)
		}
		for _, x := range m.Ranges {
			if run.marks[x.Topic] == nil {
				run.marks[x.Topic] = map[int32][]mark{}
			}
			run.marks[x.Topic][x.Partition] = append(run.marks[x.Topic][x.Partition], mark{x.From, x.To, m.ControlOffset})
		}
		return nil
	})
	for _, ps := range run.marks {
		for _, ms := range ps {
			slices.SortFunc(ms, func(a, b mark) int { return cmp.Compare(a.from, b.from) })
		}
	}
	return err
}

// pinned is the place in the rulebook of the rules that routed a record.
func (run *routesRun) pinned(r *kgo.Record) (int, bool) {
	ms := run.marks[r.Topic][r.Partition]
	i, exact := slices.BinarySearchFunc(ms, r.Offset, func(m mark, at int64) int { return cmp.Compare(m.from, at) })
	if !exact {
		i--
	}
	if i < 0 || r.Offset >= ms[i].to {
		return 0, false
	}
	return run.book.upTo(ms[i].control), true
}

// take reads what the router took, in this pass's share of keys.
func (run *routesRun) take(ctx context.Context) error {
	f := run.f
	run.events, run.byID, run.byKey, run.sources = nil, map[uint64]int32{}, map[uint64]int32{}, map[coordinates]uint32{}
	run.sets, run.targets, run.redone = map[string]int32{}, nil, map[int32]bool{}
	envelope, _, err := decoder(codecs.NewAvro[events.Envelope](f.Firehose, 2<<20), run.l.Schemas, f.Firehose)
	if err != nil {
		return err
	}
	held, err := run.l.held(ctx, true, run.inputs...)
	if err != nil {
		return err
	}
	run.read = held
	murmur := kgo.StickyKeyPartitioner(nil).ForTopic(f.Firehose)
	return run.l.read(ctx, held, false, func(r *kgo.Record) error {
		if run.elsewhere(r, murmur) {
			return nil
		}
		first := origin(r, f.Via)
		if r.Offset >= run.at.at(Follower{f.Router, r.Topic}, r.Partition) {
			return run.later(r, first, envelope)
		}
		if run.passes > 1 && int(hashOf(string(r.Key))%uint64(run.passes)) != run.pass {
			return nil
		}
		run.c.Counts["events"]++
		if _, is := run.letters.whole(first); is {
			run.c.Counts["parked"]++
			return nil
		}
		rules, ok := run.pinned(r)
		if !ok {
			if run.cut {
				run.c.Counts["of gone transactions"]++
			} else {
				run.c.found("in no transaction", first.topic, "", place(r))
			}
			return nil
		}
		if first.topic == f.Firehose {
			e, err := envelope(r.Value)
			if err != nil {
				return run.unparked(r, first, err)
			}
			return run.note(r, first, e, "", rules)
		}
		e, err := run.foreign(r, first.topic)
		if err != nil {
			return run.unparked(r, first, err)
		}
		return run.note(r, first, e, first.topic, rules)
	})
}

// elsewhere says whether a record is met in the repartition topic, or is none
// that the router takes.
func (run *routesRun) elsewhere(r *kgo.Record, murmur kgo.TopicPartitioner) bool {
	if r.Topic == run.f.Via {
		return false
	}
	return r.Topic != run.f.Firehose && header(r, "pf_origin") != nil ||
		len(r.Key) > 0 && int32(murmur.Partition(r, run.f.Partitions)) != r.Partition
}

// later notes an event that has not been routed yet: what comes of it while
// this looks is not of nothing.
func (run *routesRun) later(r *kgo.Record, first coordinates, envelope func([]byte) (events.Envelope, error)) (err error) {
	run.c.Counts["moving"]++
	var e events.Envelope
	if first.topic == run.f.Firehose {
		e, err = envelope(r.Value)
	} else {
		e, err = run.foreign(r, first.topic)
	}
	if err != nil {
		return unless(faulty(err), err)
	}
	run.late[idOf(e)] = true
	run.late[sumOf([]byte(e.ID), []byte(e.Key))] = true
	return nil
}

// idOf is the identity of an event among all: ids are unique within a
// publisher, or where a service wrote itself within a type.
func idOf(e events.Envelope) uint64 {
	return sumOf([]byte(e.Publisher), []byte(ownSpace(e)), []byte(e.ID))
}

func (run *routesRun) unparked(r *kgo.Record, first coordinates, err error) error {
	if faulty(err) {
		run.c.found("not parked", first.topic, "", f("%d/%d", first.partition, first.offset))
		return nil
	}
	return err
}

// origin are the coordinates that a record had before it was repartitioned.
func origin(r *kgo.Record, via string) coordinates {
	if r.Topic != via {
		return coordinates{r.Topic, r.Partition, r.Offset}
	}
	p, _ := strconv.ParseInt(string(header(r, "pf_partition")), 10, 32)
	o, _ := strconv.ParseInt(string(header(r, "pf_offset")), 10, 64)
	return coordinates{string(header(r, "pf_topic")), int32(p), o}
}

// foreign is the envelope of an event that a service wrote to a domain topic.
func (run *routesRun) foreign(r *kgo.Record, topic string) (events.Envelope, error) {
	t, err := run.f.Domain[topic](r.Value)
	if err != nil {
		return events.Envelope{}, err
	}
	id, err := identityOf(r, topic, func() ([]byte, error) { return []byte(t.Digest), nil })
	text := func(name string) string { return string(header(r, name)) }
	tags, _ := events.ParseTags(text("ce_tags"))
	return events.Envelope{ID: id, Type: t.Type, Key: t.Key, TransactionID: text("ce_transactionid"), UserID: events.ID(text("ce_userid")),
		TransactionType: text("ce_transactiontype"), SourceSystem: text("ce_source"), Synthetic: text("ce_synthetic") == "true", Tags: tags,
		At: events.InstantOf(r.Timestamp), ReceivedAt: events.InstantOf(r.Timestamp), Body: t.Body}, err
}

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

// strangers judges the records of no known event: those of events that have
// come since are none, and of those whose events are gone nothing is known.
func (run *routesRun) strangers(ctx context.Context) error {
	envelope, _, err := decoder(codecs.NewAvro[events.Envelope](run.f.Firehose, 2<<20), run.l.Schemas, run.f.Firehose)
	if err != nil {
		return err
	}
	now, err := run.l.held(ctx, true, run.inputs...)
	if err != nil {
		return err
	}
	for topic, ps := range now {
		for p, s := range ps {
			now.set(topic, p, span{max(s.from, run.read[topic][p].to), s.to})
		}
	}
	murmur := kgo.StickyKeyPartitioner(nil).ForTopic(run.f.Firehose)
	err = run.l.read(ctx, now, false, func(r *kgo.Record) error {
		if run.elsewhere(r, murmur) {
			return nil
		}
		return run.later(r, origin(r, run.f.Via), envelope)
	})
	for topic, all := range run.unknown {
		for id, at := range all {
			switch {
			case run.late[id]:
			case run.cut:
				run.c.Counts["of gone events"]++
			default:
				run.c.found("of no event", topic, "", at)
			}
		}
	}
	return err
}
