package batching

import "time"

// Machine decides what a session does next with a batch. It is pure: it has
// no clock and does no I/O. It names one action; whoever performs it answers
// with the outcome, and gets the next action. The engine performs actions on
// Kafka and the local state, and internal/sim on a model of them.
//
// What it guarantees: a batch is begun before its first record is dispatched;
// rows are committed locally only after Kafka has committed the batch, and
// dropped if it has not; positions move only then; and the group may rebalance
// only while no transaction is open.
type Machine struct {
	Most    int           // records of one batch for now
	Longest time.Duration // that folding a batch may take, 0 for ever
	Records int           // of the batch so far
	Opened  time.Time     // when the batch was begun
	Fault   error         // why the session ends

	all      int           // records of one batch at most
	interval time.Duration // from the first record to the end of gathering
	phase    phase
	behind   bool
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

// Action is what to do next.
type Action int

// What a machine names.
const (
	DoPollFirst Action = iota // wait for records without a bound
	DoPollMore                // wait for records until the deadline
	DoBegin                   // open a transaction
	DoDispatch                // hand what was polled to the folds
	DoDrain                   // wait until the folds are done
	DoTick                    // move the clock, and wake the rows that are due
	DoFlush                   // encode changed rows, and wait until all that was produced is acknowledged
	DoCommit                  // end the transaction with the offsets
	DoAbort                   // end the transaction without effect
	DoStore                   // put the rows into the local state
	DoDrop                    // forget the rows
	DoAdvance                 // move positions past what was polled
	DoAllow                   // let the group rebalance
	DoGiveBack                // records of a newer assignment: abort, so that they come again
	DoStop                    // the session is over
	DoStopOpen                // the session is over with an open transaction; abort it when the folds are at rest
)

// Outcome is what came of an action.
type Outcome struct {
	Records   int  // polled, or dispatched; transaction markers do not count
	Behind    bool // the inputs hold more than another batch
	Due       bool // rows wait to be woken
	Stale     bool // the assignment has changed
	Ended     bool // the session is asked to end
	Committed bool
	Again     bool // the batch cannot be folded for now: take it back, and go on
	Now       time.Time
	Err       error
}

// NewMachine gathers up to most records for an interval.
func NewMachine(most int, interval time.Duration) *Machine {
	return &Machine{all: most, Most: most, interval: interval}
}

// pace fits the next batch to what the last one took to fold: a batch that
// outlives its transaction would come again and again, and hold up everybody.
func (m *Machine) pace(took time.Duration) {
	switch {
	case m.Longest == 0:
	case took > m.Longest && m.Records > 0:
		m.Most = max(1, int(float64(m.Records)*float64(m.Longest)/float64(took)))
	case took < m.Longest/2:
		m.Most = min(m.all, 2*m.Most)
	}
}

// catchUp is how many times larger and longer a batch is while its inputs are
// behind by more than a batch: nobody waits for those rows, and the worker
// waits for fewer commits.
const catchUp = 3

func (m *Machine) times() int {
	if m.behind && m.Most == m.all {
		return catchUp
	}
	return 1
}

// Room is how many records the batch still takes.
func (m *Machine) Room() int { return m.Most*m.times() - m.Records }

// Left is the time until the deadline of the batch.
func (m *Machine) Left(now time.Time) time.Duration {
	return m.Opened.Add(m.interval * time.Duration(m.times())).Sub(now)
}

// Next takes the outcome of the action before; the first call takes none.
func (m *Machine) Next(o Outcome) Action {
	switch m.phase {
	case idle:
		return m.polled(o)
	case givingBack:
		return m.finish(o.Err)
	case beginning:
		if o.Err != nil {
			return m.rest(o.Err)
		}
		m.Records, m.Opened, m.behind = 0, o.Now, false
		return m.to(dispatching, DoDispatch)
	case dispatching:
		m.Records += o.Records
		m.behind = o.Behind
		if m.Records == 0 || m.Room() <= 0 || o.Ended || m.Left(o.Now) <= 0 {
			return m.to(draining, DoDrain)
		}
		return m.to(gathering, DoPollMore)
	case gathering:
		return m.to(dispatching, DoDispatch)
	case draining:
		m.pace(o.Now.Sub(m.Opened))
		if o.Ended || o.Err != nil {
			m.phase = finished
			return DoStopOpen
		}
		return m.to(ticking, DoTick)
	case ticking:
		if o.Err != nil {
			m.phase, m.Fault = ending, o.Err
			return DoAbort
		}
		return m.to(flushing, DoFlush)
	case flushing:
		m.phase, m.Fault = ending, o.Err
		if o.Err != nil || o.Again {
			return DoAbort
		}
		return DoCommit
	case ending:
		if m.Fault == nil {
			m.Fault = o.Err
		}
		if o.Committed {
			return m.to(storing, DoStore)
		}
		return m.to(dropping, DoDrop)
	case storing:
		if m.Fault == nil {
			m.Fault = o.Err
		}
		return m.to(advancing, DoAdvance)
	case dropping, advancing:
		if m.Fault == nil {
			m.Fault = o.Err
		}
		return m.rest(m.Fault)
	case allowing:
		if m.Fault != nil || o.Ended {
			return m.finish(m.Fault)
		}
		return m.to(idle, DoPollFirst)
	}
	return DoStop
}

func (m *Machine) polled(o Outcome) Action {
	switch {
	case o.Stale && o.Records > 0:
		return m.to(givingBack, DoGiveBack)
	case o.Stale:
		m.phase = finished
		return DoStop
	case o.Records > 0 || o.Due:
		return m.to(beginning, DoBegin)
	}
	m.Fault = nil
	return m.to(advancing, DoAdvance) // nothing, or markers alone
}

func (m *Machine) to(p phase, a Action) Action {
	m.phase = p
	return a
}

// rest lets the group rebalance; with a fault, for the last time.
func (m *Machine) rest(err error) Action {
	m.Fault = err
	return m.to(allowing, DoAllow)
}

func (m *Machine) finish(err error) Action {
	m.phase, m.Fault = finished, err
	return DoStop
}
