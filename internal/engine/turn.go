package engine

import (
	"context"
	"sync"
	"time"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// turn is who may work on a view here: its versions fold and readers read until
// a switch is prepared; then they wait until it is decided. It is told to
// others that nobody works any more.
type turn struct {
	v    *versionLog
	view string

	mu       sync.Mutex
	line     *versions.Line
	holding  string        // the switch that is prepared, "" for none
	acked    string        // the one that was told
	busy     int           // transactions under way
	epoch    int64         // counts handovers and holds
	released chan struct{} // closed when folding may go on; nil: it may
	readable chan struct{} // closed when reading may go on; nil: it may
	floor    []topology.Position
	floorOf  string // the handover that floor is about
}

const (
	// heldReads is how long a reader waits for a switch to be decided.
	heldReads = 2 * time.Second
	// floorRetry is how long to wait before what a version must hold is asked
	// for again.
	floorRetry = 200 * time.Millisecond
)

func (v *versionLog) turn(view string) *turn {
	if t, ok := v.turns.Load(view); ok {
		return t.(*turn)
	}
	t, _ := v.turns.LoadOrStore(view, &turn{v: v, view: view})
	return t.(*turn)
}

// follow takes over what the log says of the view.
func (t *turn) follow(ctx context.Context, line *versions.Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if line == t.line {
		return
	}
	before := t.line
	t.line = line
	if p := line.Pending; p != nil {
		if t.holding != p.ID {
			t.hold(ctx, p.ID)
		}
		return
	}
	if t.holding != "" {
		t.holding = ""
		close(t.released)
		t.released = nil
	}
	last := line.Last()
	switch {
	case last != nil && (before == nil || before.Last() == nil || before.Last().ID != last.ID):
		t.epoch++
		if t.readable == nil {
			t.readable = make(chan struct{})
		}
		go t.v.e.tails.end(t.view)
		go t.seekFloor(ctx, line)
	case t.readable != nil && (last == nil || t.floorOf == last.ID):
		close(t.readable)
		t.readable = nil
	}
}

// hold lets nobody begin. mu is held.
func (t *turn) hold(ctx context.Context, id string) {
	t.epoch++
	t.holding = id
	t.released = make(chan struct{})
	if t.readable == nil {
		t.readable = make(chan struct{})
	}
	if t.busy == 0 {
		t.tell(ctx)
	}
	time.AfterFunc(prepareLasts, func() { t.v.giveUp(ctx, t.view, id) })
}

// tell says that nobody works on the view here any more. mu is held.
func (t *turn) tell(ctx context.Context) {
	if t.acked != t.holding {
		t.acked = t.holding
		go t.v.announce(ctx)
	}
}

// giveUp ends a prepared switch that is not decided. Of several who do, and of
// whoever decides it meanwhile, the first in the log counts.
func (v *versionLog) giveUp(ctx context.Context, view, id string) {
	for ctx.Err() == nil {
		line := v.now().Line(view)
		if line == nil || line.Pending == nil || line.Pending.ID != id {
			return
		}
		if _, err := v.append(ctx, versions.Record{Kind: versions.Void, View: view, ID: id, By: v.e.instance, At: time.Now().UTC()}); err != nil {
			v.e.log.Warn("a switch that was not decided cannot be given up for now", "view", view, "error", err)
		}
		pause(ctx, versionRetry)
	}
}

// enter waits until a transaction may begin, and returns what the log says.
func (t *turn) enter(ctx context.Context) (*versions.Line, error) {
	for {
		t.mu.Lock()
		released := t.released
		if released == nil {
			t.busy++
			line := t.line
			t.mu.Unlock()
			return line, nil
		}
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-released:
		}
	}
}

func (t *turn) leave(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy--; t.busy == 0 && t.holding != "" {
		t.tell(ctx)
	}
}

// read waits until the view may be read, and returns what stands for this
// moment: an answer is good while it is the same.
func (t *turn) read(ctx context.Context) (epoch int64, floor []topology.Position, err error) {
	var patience *time.Timer
	for {
		t.mu.Lock()
		readable := t.readable
		epoch, floor = t.epoch, t.floor
		t.mu.Unlock()
		if readable == nil {
			return epoch, floor, nil
		}
		if patience == nil {
			patience = time.NewTimer(heldReads)
			defer patience.Stop()
		}
		select {
		case <-ctx.Done():
			return 0, nil, topology.ErrSwitching
		case <-patience.C:
			return 0, nil, topology.ErrSwitching
		case <-readable:
		}
	}
}

func (t *turn) still(epoch int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.epoch == epoch
}

// seekFloor finds out what copies of the new version must hold so that no row
// goes back, and then lets readers go on.
func (t *turn) seekFloor(ctx context.Context, line *versions.Line) {
	last := line.Last()
	var from []topology.Position
	for topic, at := range last.Inputs {
		for partition, offset := range at {
			from = append(from, topology.Position{Topic: topic, Partition: partition, Offset: offset})
		}
	}
	var floor []topology.Position
	for g := t.v.e.version(t.view, last.To); g != nil && ctx.Err() == nil; pause(ctx, floorRetry) {
		asked, cancel := context.WithTimeout(ctx, adminTimeout)
		at, err := t.v.e.reach(asked, g, from)
		cancel()
		if err == nil {
			floor = at
			break
		}
		t.v.e.log.Warn("the new version of a view is not known to hold what the old one held", "view", t.view, "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.line.Last(); now == nil || now.ID != last.ID || ctx.Err() != nil {
		return
	}
	t.floor, t.floorOf = floor, last.ID
	if t.holding == "" && t.readable != nil {
		close(t.readable)
		t.readable = nil
	}
}
