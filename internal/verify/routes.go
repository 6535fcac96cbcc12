package verify

import (
	"context"
)

// routed is an event that the router took, and where copies of it must be.
type routed struct {
	source uint32 // of sources
	rules  int32  // of the rulebook
	to     int32  // of targets
	key    uint64 // hash of the entity's key
}

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
