package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// Replay acts on the versions of views, from outside of the workers: it writes
// into their log what they do. See docs/adr/0016.
type Replay struct {
	cfg     Config
	groups  []topology.Declared
	by      string
	cl      *cluster
	history History
	passed  func(done, all int64)
	folds   map[string]string // of now, by group
}

// RefusedError says why something is not done to a version.
type RefusedError struct{ Code, Text string }

func (e *RefusedError) Error() string { return e.Text + " (" + e.Code + ")" }

// Codes of RefusedError.
const (
	NoSuchGroup    = "NO_SUCH_GROUP"
	NoVersion      = "NO_VERSION"       // the group shadows none
	AlreadyRuns    = "REPLAY_RUNNING"   // it is started
	NotRunning     = "NOT_RUNNING"      // it is not
	IsLive         = "VERSION_IS_LIVE"  // it is the one that is read
	IsBehind       = "VERSION_BEHIND"   // it has too much to fold yet
	Blocked        = "WORKER_IN_WAY"    // a worker lacks the version, or does not answer
	Overtaken      = "OVERTAKEN"        // another record came first
	HistoryLost    = "HISTORY_LOST"     // inputs no longer begin at their beginning
	NothingToUndo  = "NOTHING_TO_UNDO"  // there was no switch
	NotPastItsPart = "STILL_HAS_A_PART" // the version has not folded all that it speaks for
)

func refused(code, format string, a ...any) error {
	return &RefusedError{code, fmt.Sprintf(format, a...)}
}

// OpenReplay connects. groups are all that are declared; by is who acts, for
// the log; history may be nil.
func OpenReplay(brokers []string, groups []topology.Declared, by string, history History, opts ...kgo.Opt) (*Replay, error) {
	cfg := Config{Brokers: brokers, Client: opts}
	cl, err := openCluster(cfg)
	if err != nil {
		return nil, err
	}
	return &Replay{cfg: cfg, groups: groups, by: by, cl: cl, history: history, passed: func(int64, int64) {}}, nil
}

// Passed is told from now on how much of the history is given, of how much.
func (r *Replay) Passed(told func(done, all int64)) { r.passed = told }

// Close ends the connection.
func (r *Replay) Close() { r.cl.close() }

// state reads the log to its end.
func (r *Replay) state(ctx context.Context) (*versions.State, error) {
	state, _, err := r.stateAt(ctx, -1)
	return state, err
}

// stateAt reads the log to its end, and says whether the record at an offset
// fits what came before it.
func (r *Replay) stateAt(ctx context.Context, offset int64) (state *versions.State, fits bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	err = r.cl.readAll(ctx, r.cfg, topology.Versions.Name, func(rec *kgo.Record) {
		said, _ := versions.Decode(rec.Value) // one that does not decode says nothing
		var fit bool
		if state, fit = state.Apply(rec.Offset, said); rec.Offset == offset {
			fits = fit
		}
	})
	return state, fits, err
}

// say writes a record, and makes sure that it came in time to say something.
func (r *Replay) say(ctx context.Context, rec versions.Record) error {
	rec.By, rec.At = r.by, time.Now().UTC()
	offset, err := r.cl.say(ctx, rec)
	if err != nil {
		return err
	}
	_, fits, err := r.stateAt(ctx, offset)
	if err == nil && !fits {
		return refused(Overtaken, "something else happened to the versions of %s meanwhile; look at payerflow replay status", rec.View)
	}
	return err
}

func (r *Replay) declared(group string) (topology.Declared, error) {
	i := slices.IndexFunc(r.groups, func(d topology.Declared) bool { return d.Name == group })
	if i < 0 {
		return topology.Declared{}, refused(NoSuchGroup, "no group %s is declared here", group)
	}
	return r.groups[i], nil
}

// running is a version that folds beside the live one.
func (r *Replay) running(ctx context.Context, group string) (topology.Declared, *versions.Line, error) {
	d, err := r.declared(group)
	if err != nil {
		return d, nil, err
	}
	state, err := r.state(ctx)
	if err != nil {
		return d, nil, err
	}
	line := state.Line(d.View.Name)
	switch {
	case line == nil || !line.Versions[group].Runs:
		return d, nil, refused(NotRunning, "%s does not run beside another version; see: payerflow replay start", group)
	case line.Live == group:
		return d, nil, refused(IsLive, "%s is the live version of %s", group, line.View)
	}
	return d, line, nil
}

// Start lets a version fold from the beginning, or on from where it was
// stopped. What its inputs have forgotten it is given from the history first. Rate bounds its records a second and worker, 0: not at all.
// Incomplete says that it may begin where the inputs begin now.
func (r *Replay) Start(ctx context.Context, group string, rate int, incomplete bool) error {
	d, err := r.declared(group)
	if err != nil {
		return err
	}
	if d.Shadows == "" {
		return refused(NoVersion, "%s shadows no other group: declare a next version of it with Shadows", group)
	}
	state, err := r.state(ctx)
	if err != nil {
		return err
	}
	live := d.Shadows
	if line := state.Line(d.View.Name); line != nil {
		if live = line.Live; line.Versions[group].Runs {
			return refused(AlreadyRuns, "%s is started already; see: payerflow replay status", group)
		}
	}
	for _, t := range d.Topics() {
		if err := r.cl.ensure(t.Name, t.Partitions); err != nil {
			return err
		}
	}
	fold, err := r.begunBy(ctx, d)
	if err != nil {
		return err
	}
	if !incomplete {
		if err := r.given(ctx, d); err != nil {
			return err
		}
	}
	return r.say(ctx, versions.Record{Kind: versions.Started, View: d.View.Name, Group: group, From: live, Rate: rate, Fold: fold})
}

// Pause lets a quiet version stand still; Resume lets it go on, at a rate.
func (r *Replay) Pause(ctx context.Context, group string) error {
	d, _, err := r.running(ctx, group)
	if err != nil {
		return err
	}
	return r.say(ctx, versions.Record{Kind: versions.Paused, View: d.View.Name, Group: group})
}

// Resume lets a version go on that stands still, or on at another rate.
func (r *Replay) Resume(ctx context.Context, group string, rate int) error {
	d, _, err := r.running(ctx, group)
	if err != nil {
		return err
	}
	return r.say(ctx, versions.Record{Kind: versions.Resumed, View: d.View.Name, Group: group, Rate: rate})
}

// newID names a switch.
func newID() string { return uuid.NewString()[:8] }
