package engine

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// VersionStatus is how one declared version of a view stands.
type VersionStatus struct {
	View      string  `json:"view"`
	Group     string  `json:"group"`
	State     string  `json:"state"` // live, running, paused, dropped, or not started
	Done      int64   `json:"done"`  // records that it has read of those that there are
	All       int64   `json:"all"`
	Lag       int64   `json:"lag"`
	Rate      int     `json:"rate,omitempty"`        // bound of records a second and worker
	PerSecond float64 `json:"perSecond"`             // since it was started
	Left      float64 `json:"secondsLeft,omitempty"` // at that pace
	Parked    int64   `json:"parked,omitempty"`      // dead letters of the time when it was quiet
	By        string  `json:"by,omitempty"`

	Handed   []versions.Handover `json:"handed,omitempty"`   // of the live one: all that the view saw
	Prepared string              `json:"prepared,omitempty"` // of the live one: the version that is about to take over
}

// worked is how far a group is.
type worked struct{ done, all int64 }

// Status is how all versions of views stand that have more than one, declared
// or told of in the log.
func (r *Replay) Status(ctx context.Context) (out []VersionStatus, err error) {
	state, err := r.state(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range r.groups {
		line := state.Line(d.View.Name)
		shadowed := false
		for _, other := range r.groups {
			shadowed = shadowed || other.Shadows == d.Name
		}
		if d.View.Name == "" || line == nil && d.Shadows == "" && !shadowed {
			continue
		}
		s, err := r.statusOf(ctx, d, state)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (r *Replay) statusOf(ctx context.Context, d topology.Declared, state *versions.State) (VersionStatus, error) {
	s := VersionStatus{View: d.View.Name, Group: d.Name, State: "not started"}
	line := state.Line(d.View.Name)
	var v versions.Version
	if line != nil {
		v = line.Versions[d.Name]
		s.Rate, s.By = v.Rate, v.By
	}
	_, known := versionIn(line, d.Name)
	switch {
	case state.Live(d.View.Name, d.Name, d.Shadows):
		s.State = "live"
		if line != nil {
			s.Handed = line.Handed
			if line.Pending != nil {
				s.Prepared = line.Pending.Group
			}
		}
	case v.Paused:
		s.State = "paused"
	case v.Runs:
		s.State = "running"
	case known:
		s.State = "dropped"
	}
	if s.State == "not started" || s.State == "dropped" {
		return s, nil
	}
	w, err := r.work(ctx, d)
	if err != nil {
		return s, err
	}
	s.Done, s.All, s.Lag = w.done, w.all, w.all-w.done
	if took := time.Since(v.Since).Seconds(); !v.Since.IsZero() && took > 0 && s.State != "live" {
		s.PerSecond = float64(w.done) / took
		if s.PerSecond > 0 {
			s.Left = float64(s.Lag) / s.PerSecond
		}
	}
	if d.Shadows != "" {
		s.Parked, err = r.held(ctx, d.ReplayDLQ().Name)
	}
	return s, err
}

func versionIn(line *versions.Line, group string) (v versions.Version, known bool) {
	if line != nil {
		v, known = line.Versions[group]
	}
	return v, known
}

// held is how many records a topic holds, markers included.
func (r *Replay) held(ctx context.Context, topic string) (n int64, err error) {
	starts, errStarts := listed(r.cl.admin.ListStartOffsets(ctx, topic))
	ends, errEnds := listed(r.cl.admin.ListEndOffsets(ctx, topic))
	for at, end := range ends {
		n += end - starts[at]
	}
	if err = errors.Join(errStarts, errEnds); errors.Is(err, kerr.UnknownTopicOrPartition) {
		return 0, nil
	}
	return n, err
}

// work is how much of its inputs a group has read.
func (r *Replay) work(ctx context.Context, d topology.Declared) (w worked, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	at, err := r.positions(ctx, d)
	if err != nil {
		return w, err
	}
	var topics []string
	for _, read := range readsOf(d) {
		for _, t := range read {
			topics = append(topics, t.Name)
		}
	}
	starts, errStarts := listed(r.cl.admin.ListStartOffsets(ctx, topics...))
	ends, errEnds := listed(r.cl.admin.ListCommittedOffsets(ctx, topics...))
	for in, end := range ends {
		all, done := end-starts[in], max(0, at[in]-starts[in])
		if done < all && r.cl.nothingBetween(ctx, in, max(at[in], starts[in]), end) {
			done = all // markers alone are not committed past
		}
		w.all, w.done = w.all+all, w.done+min(done, all)
	}
	return w, errors.Join(errStarts, errEnds)
}
