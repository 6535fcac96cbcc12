package engine

import (
	"context"
	"time"

	"payerflow/internal/topology"
)

// beatEvery is how often a process says that it is there.
const beatEvery = 5 * time.Second

// process is what this worker or replica announces of itself as a whole: which
// groups it knows, and for which prepared switches it stands still.
func (v *versionLog) process() member {
	cfg := v.e.cfg
	m := member{Group: topology.Processes, Instance: v.e.instance, Address: cfg.Address, Peer: cfg.Peer, At: time.Now().UTC(), Replica: cfg.Follows,
		Prepared: map[string]string{}}
	for _, g := range v.e.groups {
		m.Groups = append(m.Groups, g.Name)
	}
	for view, of := range v.turns.Range {
		t := of.(*turn)
		t.mu.Lock()
		if t.acked != "" {
			m.Prepared[view.(string)] = t.acked
		}
		t.mu.Unlock()
	}
	return m
}

// announce says at once how this process stands, again until it is written.
func (v *versionLog) announce(ctx context.Context) {
	for ctx.Err() == nil {
		cl, err := v.e.progress.cluster()
		if err == nil {
			if _, err = cl.announce(ctx, v.process()); err == nil {
				return
			}
		}
		if ctx.Err() == nil {
			v.e.log.Warn("this worker could not say that it is there", "error", err)
		}
		pause(ctx, versionRetry)
	}
}

// beat says that this process is there until ctx ends, and then that it is not.
func (v *versionLog) beat(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			v.announce(ctx)
		case <-ctx.Done():
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
			defer cancel()
			if cl, err := v.e.progress.cluster(); err == nil {
				if err := cl.gone(bye, v.process()); err != nil {
					v.e.log.Debug("members", "error", err)
				}
			}
			return
		}
	}
}
