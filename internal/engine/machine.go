package engine

import "time"

// machine decides what a session does next with a batch. It is pure: it has
// no clock and does no I/O. It names one action; whoever performs it answers
// with the outcome, and gets the next action. The engine performs actions on
// Kafka and the local state; a simulation may perform them on anything.
//
// What it guarantees: a batch is begun before its first record is dispatched;
// rows are committed locally only after Kafka has committed the batch, and
// dropped if it has not; positions move only then; and the group may rebalance
// only while no transaction is open.
type machine struct {
	all      int           // records of one batch at most
	most     int           // records of one batch for now
	longest  time.Duration // that folding a batch may take, 0 for ever
	interval time.Duration // from the first record to the end of gathering
	phase    phase
	records  int
	opened   time.Time
	behind   bool
	fault    error
}

type phase int

const (
	idle phase = iota
	beginning
	dispatching
	gathering
	draining
	ticking
	flushing
	ending
	storing
	dropping
	advancing
	allowing
	givingBack
	finished
)

// action is what to do next.
type action int

const (
	doPollFirst action = iota // wait for records without a bound
	doPollMore                // wait for records until the deadline
	doBegin                   // open a transaction
	doDispatch                // hand what was polled to the folds
	doDrain                   // wait until the folds are done
	doTick                    // move the clock, and wake the rows that are due
	doFlush                   // encode changed rows, and wait until all that was produced is acknowledged
	doCommit                  // end the transaction with the offsets
	doAbort                   // end the transaction without effect
	doStore                   // put the rows into the local state
	doDrop                    // forget the rows
	doAdvance                 // move positions past what was polled
	doAllow                   // let the group rebalance
	doGiveBack                // records of a newer assignment: abort, so that they come again
	doStop                    // the session is over
	doStopOpen                // the session is over with an open transaction; abort it when the folds are at rest
)

// outcome is what came of an action.
type outcome struct {
	records   int  // polled, or dispatched; transaction markers do not count
	behind    bool // the inputs hold more than another batch
	due       bool // rows wait to be woken
	stale     bool // the assignment has changed
	ended     bool // the session is asked to end
	committed bool
	again     bool // the batch cannot be folded for now: take it back, and go on
	now       time.Time
	err       error
}

func newMachine(most int, interval time.Duration) *machine {
	return &machine{all: most, most: most, interval: interval}
}

// pace fits the next batch to what the last one took to fold: a batch that
// outlives its transaction would come again and again, and hold up everybody.
func (m *machine) pace(took time.Duration) {
	switch {
	case m.longest == 0:
	case took > m.longest && m.records > 0:
		m.most = max(1, int(float64(m.records)*float64(m.longest)/float64(took)))
	case took < m.longest/2:
		m.most = min(m.all, 2*m.most)
	}
}

// catchUp is how many times larger and longer a batch is while its inputs are
// behind by more than a batch: nobody waits for those rows, and the worker
// waits for fewer commits.
const catchUp = 3

func (m *machine) times() int {
	if m.behind && m.most == m.all {
		return catchUp
	}
	return 1
}

// room is how many records the batch still takes.
func (m *machine) room() int { return m.most*m.times() - m.records }

// left is the time until the deadline of the batch.
func (m *machine) left(now time.Time) time.Duration {
	return m.opened.Add(m.interval * time.Duration(m.times())).Sub(now)
}

// next takes the outcome of the action before; the first call takes none.
func (m *machine) next(o outcome) action {
	switch m.phase {
	case idle:
		return m.polled(o)
	case givingBack:
		return m.finish(o.err)
	case beginning:
		if o.err != nil {
			return m.rest(o.err)
		}
		m.records, m.opened, m.behind = 0, o.now, false
		return m.to(dispatching, doDispatch)
	case dispatching:
		m.records += o.records
		m.behind = o.behind
		if m.records == 0 || m.room() <= 0 || o.ended || m.left(o.now) <= 0 {
			return m.to(draining, doDrain)
		}
		return m.to(gathering, doPollMore)
	case gathering:
		return m.to(dispatching, doDispatch)
	case draining:
		m.pace(o.now.Sub(m.opened))
		if o.ended || o.err != nil {
			m.phase = finished
			return doStopOpen
		}
		return m.to(ticking, doTick)
	case ticking:
		if o.err != nil {
			m.phase, m.fault = ending, o.err
			return doAbort
		}
		return m.to(flushing, doFlush)
	case flushing:
		m.phase, m.fault = ending, o.err
		if o.err != nil || o.again {
			return doAbort
		}
		return doCommit
	case ending:
		if m.fault == nil {
			m.fault = o.err
		}
		if o.committed {
			return m.to(storing, doStore)
		}
		return m.to(dropping, doDrop)
	case storing:
		if m.fault == nil {
			m.fault = o.err
		}
		return m.to(advancing, doAdvance)
	case dropping, advancing:
		if m.fault == nil {
			m.fault = o.err
		}
		return m.rest(m.fault)
	case allowing:
		if m.fault != nil || o.ended {
			return m.finish(m.fault)
		}
		return m.to(idle, doPollFirst)
	}
	return doStop
}

func (m *machine) polled(o outcome) action {
	switch {
	case o.stale && o.records > 0:
		return m.to(givingBack, doGiveBack)
	case o.stale:
		m.phase = finished
		return doStop
	case o.records > 0 || o.due:
		return m.to(beginning, doBegin)
	}
	m.fault = nil
	return m.to(advancing, doAdvance) // nothing, or markers alone
}

func (m *machine) to(p phase, a action) action {
	m.phase = p
	return a
}

// rest lets the group rebalance; with a fault, for the last time.
func (m *machine) rest(err error) action {
	m.fault = err
	return m.to(allowing, doAllow)
}

func (m *machine) finish(err error) action {
	m.phase, m.fault = finished, err
	return doStop
}
