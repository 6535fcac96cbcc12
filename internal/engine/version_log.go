package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// versionLog is what this process has read of topology.Versions, and what
// follows from it: see docs/adr/0016.
type versionLog struct {
	e     *Engine
	once  sync.Once
	ready chan struct{} // closed when the log was read to an end that it had after this process had announced itself

	state atomic.Pointer[versions.State]
	mu    sync.Mutex
	moved chan struct{} // closed when more is read
	turns sync.Map      // *turn by view
}

const (
	// versionRetry is how long to wait before the log is asked for again.
	versionRetry = time.Second
	// prepareLasts is how long a prepared switch is waited for before it is
	// given up.
	prepareLasts = 10 * time.Second
)

func newVersionLog(e *Engine) *versionLog {
	return &versionLog{e: e, ready: make(chan struct{}), moved: make(chan struct{})}
}

// now is what was read.
func (v *versionLog) now() *versions.State { return v.state.Load() }

// wait waits until what was read says something; false where ctx ended first.
func (v *versionLog) wait(ctx context.Context, says func(*versions.State) bool) bool {
	select {
	case <-ctx.Done():
		return false
	case <-v.ready:
	}
	for {
		v.mu.Lock()
		state, moved := v.state.Load(), v.moved
		v.mu.Unlock()
		if says(state) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-moved:
		}
	}
}

// run announces this process, follows the log, and says that it is there, until
// ctx ends. It fails where the log does not exist.
func (v *versionLog) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { v.beat(ctx) })
	wg.Go(func() { v.tail(ctx) })
	missing := time.Now()
	for {
		err := v.begin(ctx)
		if err == nil || ctx.Err() != nil {
			break
		}
		if hopeless(err) && time.Since(missing) > topicPatience {
			return err
		}
		v.e.log.Warn("which versions of views are live is not known for now", "error", err)
		pause(ctx, versionRetry)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// begin announces this process and reads the log to the end that it has then:
// a switch that is prepared earlier is seen here, and one that is prepared
// later finds this process announced.
func (v *versionLog) begin(ctx context.Context) error {
	cl, err := v.e.progress.cluster()
	if err != nil {
		return err
	}
	if err := cl.ensure(topology.Versions.Name, topology.Versions.Partitions); err != nil {
		return err
	}
	if _, err := cl.announce(ctx, v.process()); err != nil {
		return err
	}
	if err := v.current(ctx); err != nil {
		return err
	}
	v.once.Do(func() { close(v.ready) })
	return v.noteFolds(ctx)
}

// current waits until the log is read to the end that it has now.
func (v *versionLog) current(ctx context.Context) error {
	cl, err := v.e.progress.cluster()
	if err != nil {
		return err
	}
	end, err := cl.offset(topology.Versions.Name, 0, newest)
	if err != nil {
		return err
	}
	for {
		v.mu.Lock()
		state, moved := v.state.Load(), v.moved
		v.mu.Unlock()
		if end == 0 || state != nil && state.Next >= end {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

// tail reads the log until ctx ends.
func (v *versionLog) tail(ctx context.Context) {
	for ctx.Err() == nil {
		if err := v.tailOnce(ctx); err != nil && ctx.Err() == nil {
			v.e.log.Warn("the versions of views are not followed for now", "error", err)
		}
		pause(ctx, versionRetry)
	}
}

func (v *versionLog) tailOnce(ctx context.Context) error {
	from := kgo.NewOffset().AtStart()
	if s := v.now(); s != nil {
		from = kgo.NewOffset().At(s.Next)
	}
	return v.e.readOn(ctx, topology.Versions.Name, from, func(rs []*kgo.Record) { v.take(ctx, rs) },
		kgo.ClientID("payerflow-versions"), kgo.MetadataMinAge(100*time.Millisecond))
}

// take takes records in.
func (v *versionLog) take(ctx context.Context, rs []*kgo.Record) {
	state := v.now()
	for _, r := range rs {
		rec, err := versions.Decode(r.Value)
		if err != nil {
			v.e.log.Error("a record of versions does not decode", "offset", r.Offset)
		}
		var fits bool
		if state, fits = state.Apply(r.Offset, rec); fits {
			v.e.log.Info("versions of a view", "view", rec.View, "says", string(rec.Kind), "group", rec.Group, "switch", rec.ID)
		}
	}
	v.mu.Lock()
	v.state.Store(state)
	close(v.moved)
	v.moved = make(chan struct{})
	v.mu.Unlock()
	for _, line := range state.Lines() {
		v.turn(line.View).follow(ctx, line)
	}
}

// append writes a record and returns its offset.
func (v *versionLog) append(ctx context.Context, r versions.Record) (int64, error) {
	cl, err := v.e.progress.cluster()
	if err != nil {
		return 0, err
	}
	return cl.say(ctx, r)
}

// say writes a record of versions.
func (c *cluster) say(ctx context.Context, r versions.Record) (int64, error) {
	value, err := r.Encode()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	rec := &kgo.Record{Topic: topology.Versions.Name, Key: []byte(r.View), Value: value}
	if err := c.client.ProduceSync(ctx, rec).FirstErr(); err != nil {
		return 0, errors.Join(errors.New("versions: the record may or may not be written"), err)
	}
	return rec.Offset, nil
}
