package verify

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// View says where the log of a view lies and what it is made into.
type View struct {
	Name    string     // as HTTP names it
	Table   string     // changelog of its rows
	Between []Follower // topics that carry records by row key on their way, and who takes them from there
	Letters []string   // dead letter topics of all that is read
	Groups  []string   // whose dead letters count
}

// model makes rows out of records, for the keys of one pass.
type model interface {
	sources(wants func(key string) bool) ([]source, error)
	begin()           // a pass: nothing is known
	tail()            // what comes from here on is not folded yet
	moving() []string // keys of which something came since
	rows(each func(key string, row any))
	decode(value []byte) (any, error) // a row of the table
	home(key string) string           // the key by which passes are told apart
}

// passRecords is about how many records of the log one pass keeps.
const passRecords = 300_000

// rows checks a view: what the log up to the positions of its groups must have
// made, against the table's topic, and against HTTP where there is a server.
func (l *Log) rows(ctx context.Context, v View, m model, http *Answers, wait time.Duration) (*Check, error) {
	c := newCheck("view " + v.Name)
	all, err := m.sources(func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	run := viewRun{l: l, v: v, m: m, c: c, http: http, waiting: map[Follower]int64{}}
	run.followers = slices.Clone(v.Between)
	for _, s := range all {
		run.followers = append(run.followers, s.Follower)
	}
	if run.at, run.still, err = l.settle(ctx, run.followers, wait); err != nil {
		return nil, err
	}
	if run.held, err = l.held(ctx, true, topicsOf(run.followers)...); err != nil {
		return nil, err
	}
	if !run.upTo(l.At) {
		return c, nil
	}
	records := int64(0)
	for _, s := range all {
		records += spans{s.Topic: run.held[s.Topic]}.size()
		for p, s2 := range run.held[s.Topic] {
			if s2.from > 0 {
				c.undecided(fmt.Sprintf("%s/%d begins at %d: what lay before is gone, and rows may know of it", s.Topic, p, s2.from))
			}
		}
	}
	if run.letters, err = l.parkedBy(ctx, v.Letters, v.Groups...); err != nil {
		return nil, err
	}
	run.passes = int(records/cmp.Or(l.PassRecords, passRecords)) + 1
	for run.pass = range run.passes {
		if err := run.one(ctx); err != nil {
			return nil, err
		}
	}
	return c, run.decided(ctx)
}

// viewRun is one check of a view.
type viewRun struct {
	l            *Log
	v            View
	m            model
	c            *Check
	followers    []Follower
	at           positions
	still        bool  // positions stood still, or all was folded
	held         spans // when it began
	letters      parked
	http         *Answers
	pass, passes int
	differ       map[string][]difference // by the row's home
	waiting      map[Follower]int64      // records that lay before a group already when it began
}

// difference is what is wrong with one row.
type difference struct {
	key, kind, where string
	fields           []string
}

func (run *viewRun) wants(key string) bool {
	return run.passes == 1 || int(hashOf(run.m.home(key))%uint64(run.passes)) == run.pass
}

func hashOf(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never fails
	return h.Sum64()
}

// one checks the keys of one pass: the log, the table, HTTP, and then what has
// moved meanwhile, which is left out.
func (run *viewRun) one(ctx context.Context) error {
	run.m.begin()
	run.differ = map[string][]difference{}
	sources, err := run.m.sources(run.wants)
	if err != nil {
		return err
	}
	if err := run.fold(ctx, sources, run.held, func(s source, p int32, held span) span {
		return span{held.from, min(held.to, run.at.at(s.Follower, p))}
	}, true); err != nil {
		return err
	}
	if err := run.compare(ctx); err != nil {
		return err
	}
	if err := run.leftOver(ctx, sources); err != nil {
		return err
	}
	for _, key := range run.m.moving() {
		delete(run.differ, key)
	}
	run.c.Counts["moving"] += int64(len(run.m.moving()))
	for _, all := range run.differ {
		for _, d := range all {
			run.c.found(d.kind, d.where, run.l.Hash(d.key), "", d.fields...)
		}
	}
	return nil
}

// fold reads parts of the sources into the model. What a group had to park
// must be parked, and nothing else.
func (run *viewRun) fold(ctx context.Context, sources []source, held spans, part func(source, int32, span) span, judged bool) error {
	todo, by := spans{}, map[string]source{}
	for _, s := range sources {
		by[s.Topic] = s
		for p, all := range held[s.Topic] {
			todo.set(s.Topic, p, part(s, p, all))
		}
	}
	return run.l.read(ctx, todo, false, func(r *kgo.Record) error {
		letter, is := run.letters.whole(coordinates{r.Topic, r.Partition, r.Offset})
		switch {
		case !judged:
			run.waits(by[r.Topic].Follower, r)
		case run.pass == 0:
			run.c.Counts["records"]++
		}
		if is && !byDecoding[letter.code] {
			return nil // refused by a rule that only its group knows: a clock, a bound
		}
		refused, err := by[r.Topic].fact(r)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", r.Topic, place(r), err)
		}
		if judged && run.pass == 0 && refused != is {
			kind := "not parked"
			if is {
				kind = "parked without a reason"
			}
			run.c.found(kind, r.Topic, "", place(r))
		}
		return nil
	})
}

// byDecoding are the reason codes that a record alone decides.
var byDecoding = map[string]bool{"NULL_VALUE": true, "INVALID_KEY": true, "KEY_MISMATCH": true, "UNDECODABLE": true, "INVALID_EVENT": true,
	"BAD_FRAME": true, "UNKNOWN_SCHEMA": true, "INCOMPATIBLE_SCHEMA": true, "BAD_AVRO": true, "TRAILING_BYTES": true, "MISSING_FIELD": true,
	"INVALID_VALUE": true, "UNKNOWN_EVENT_TYPE": true}
