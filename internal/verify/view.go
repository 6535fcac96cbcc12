package verify

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"strings"
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

// Rows checks a view: what the log up to the positions of its groups must have
// made, against the table's topic, and against HTTP where there is a server.
func (l *Log) rows(ctx context.Context, v View, m model, http *Answers, wait time.Duration) (*Check, error) {
	c := newCheck("view " + v.Name)
	all, err := m.sources(func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	followers := append([]Follower(nil), v.Between...)
	var topics []string
	for _, s := range all {
		followers, topics = append(followers, s.Follower), append(topics, s.Topic)
	}
	at, settled, err := l.settle(ctx, followers, wait)
	if err != nil {
		return nil, err
	}
	held, err := l.held(ctx, true, topics...)
	if err != nil {
		return nil, err
	}
	for topic, ps := range held {
		for p, s := range ps {
			if s.from > 0 {
				c.undecided(fmt.Sprintf("%s/%d begins at %d: what lay before is gone, and rows may know of it", topic, p, s.from))
			}
		}
	}
	letters, err := l.parkedBy(ctx, v.Letters, v.Groups...)
	if err != nil {
		return nil, err
	}
	run := viewRun{l: l, v: v, m: m, c: c, at: at, held: held, letters: letters, http: http}
	run.passes = int(held.size()/cmp.Or(l.PassRecords, passRecords)) + 1
	for run.pass = range run.passes {
		if err := run.one(ctx); err != nil {
			return nil, err
		}
	}
	if c.Counts["moving"] > 0 && settled {
		c.undecided("records lie before the groups that nobody folds: is a worker running?")
	}
	return c, nil
}

// viewRun is one check of a view.
type viewRun struct {
	l            *Log
	v            View
	m            model
	c            *Check
	at           positions
	held         spans
	letters      parked
	http         *Answers
	pass, passes int
	differ       map[string][]difference // by the row's home
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
	if err := run.fold(ctx, sources, func(s source, p int32, held span) span {
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
		run.c.Counts["moving"]++
	}
	for _, all := range run.differ {
		for _, d := range all {
			run.c.found(d.kind, d.where, run.l.Hash(d.key), "", d.fields...)
		}
	}
	return nil
}

// fold reads parts of the sources into the model. What a group had to park
// must be parked, and nothing else.
func (run *viewRun) fold(ctx context.Context, sources []source, part func(source, int32, span) span, judged bool) error {
	todo, by := spans{}, map[string]source{}
	for _, s := range sources {
		by[s.Topic] = s
		for p, held := range run.held[s.Topic] {
			todo.set(s.Topic, p, part(s, p, held))
		}
	}
	return run.l.read(ctx, todo, false, func(r *kgo.Record) error {
		letter, is := run.letters.whole(coordinates{r.Topic, r.Partition, r.Offset})
		if judged && run.pass == 0 {
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

// leftOver notes the keys of what had not been folded when this began.
func (run *viewRun) leftOver(ctx context.Context, sources []source) error {
	run.m.tail()
	topics := make([]string, 0, len(sources)+len(run.v.Between))
	for _, s := range sources {
		topics = append(topics, s.Topic)
	}
	now, err := run.l.held(ctx, true, topics...)
	if err != nil {
		return err
	}
	was := run.held
	run.held = now
	err = run.fold(ctx, sources, func(s source, p int32, held span) span {
		return span{max(held.from, run.at.at(s.Follower, p)), held.to}
	}, false)
	if run.held = was; err != nil {
		return err
	}
	for _, b := range run.v.Between {
		topics = append(topics, b.Topic)
	}
	if now, err = run.l.held(ctx, true, topics...); err != nil {
		return err
	}
	todo := spans{}
	for _, b := range run.v.Between {
		for p, s := range now[b.Topic] {
			todo.set(b.Topic, p, span{max(s.from, run.at.at(b, p)), s.to})
		}
	}
	return run.l.read(ctx, todo, false, func(r *kgo.Record) error {
		run.moves(storedKey(r, string(r.Key)))
		return nil
	})
}

// moves leaves out a row, or what is listed under a key, that something is on
// its way to.
func (run *viewRun) moves(key string) {
	run.c.Counts["moving"]++
	delete(run.differ, key)
	for home, all := range run.differ {
		if strings.HasPrefix(all[0].key, key+under) {
			delete(run.differ, home)
		}
	}
}
