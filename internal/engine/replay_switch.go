package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

const (
	// answersWithin is how long workers have to stand still for a switch.
	answersWithin = 5 * time.Second
	askAgain      = 50 * time.Millisecond
	// processGone is after how long of silence a process that is in none of the
	// groups is taken for gone.
	processGone = 30 * time.Second
	// mayBeBehind is how many records a version may have to fold yet when it is
	// switched to: readers wait until it has.
	mayBeBehind = 10_000
)

// Switch hands the view of a version over to it.
func (r *Replay) Switch(ctx context.Context, group string) error {
	_, line, err := r.running(ctx, group)
	if err != nil {
		return err
	}
	return r.handOver(ctx, line, group, false)
}

// Back hands a view back to the version that it was taken over from last.
func (r *Replay) Back(ctx context.Context, group string) error {
	d, err := r.declared(group)
	if err != nil {
		return err
	}
	state, err := r.state(ctx)
	if err != nil {
		return err
	}
	line := state.Line(d.View.Name)
	last := line.Last()
	switch {
	case last == nil || last.To != line.Live:
		return refused(NothingToUndo, "%s was not switched to", group)
	case line.Live != group:
		return refused(NothingToUndo, "%s is not live: %s is", group, line.Live)
	case !line.Versions[last.From].Runs:
		return refused(NotRunning, "%s was dropped", last.From)
	}
	return r.handOver(ctx, line, last.From, true)
}

// handOver prepares a switch, waits until everybody stands still, and decides
// it. Whatever fails, it is not left prepared.
func (r *Replay) handOver(ctx context.Context, line *versions.Line, to string, back bool) error {
	if p := line.Pending; p != nil {
		return refused(Overtaken, "a switch to %s is prepared; it is decided or given up within %s", p.Group, prepareLasts)
	}
	old, errOld := r.declared(line.Live)
	next, errNext := r.declared(to)
	if err := errors.Join(errOld, errNext); err != nil {
		return err
	}
	if err := r.notBehind(ctx, next); err != nil {
		return err
	}
	if inWay, _, err := r.inWay(ctx, line.View, to, "", old, next); err != nil || len(inWay) > 0 {
		return errors.Join(err, blocked(inWay))
	}
	id := newID()
	if err := r.say(ctx, versions.Record{Kind: versions.Prepared, View: line.View, Group: to, From: line.Live, ID: id, Back: back}); err != nil {
		return err
	}
	err := r.decide(ctx, line.View, id, old, next)
	if err != nil {
		giveUp, cancel := context.WithTimeout(context.WithoutCancel(ctx), adminTimeout)
		defer cancel()
		if _, void := r.cl.say(giveUp, versions.Record{Kind: versions.Void, View: line.View, ID: id, By: r.by, At: time.Now().UTC()}); void != nil {
			err = errors.Join(err, void) // the workers give it up themselves
		}
	}
	return err
}

func (r *Replay) decide(ctx context.Context, view, id string, old, next topology.Declared) error {
	var clock time.Time
	deadline := time.Now().Add(answersWithin)
	for {
		inWay, latest, err := r.inWay(ctx, view, next.Name, id, old, next)
		if err != nil {
			return err
		}
		if clock = latest; len(inWay) == 0 {
			break
		}
		if time.Now().After(deadline) {
			return blocked(inWay)
		}
		pause(ctx, askAgain)
	}
	rec := versions.Record{Kind: versions.Switched, View: view, Group: next.Name, ID: id, Inputs: versions.Offsets{}, Ends: versions.Offsets{}, Clock: clock}
	for _, d := range []topology.Declared{old, next} {
		if err := r.raise(ctx, rec, d); err != nil {
			return err
		}
	}
	return r.say(ctx, rec)
}

// raise moves the offsets of a switch up to where a version is.
func (r *Replay) raise(ctx context.Context, rec versions.Record, d topology.Declared) error {
	at, err := r.positions(ctx, d)
	if err != nil {
		return err
	}
	made := topology.SelfMade(r.groups, d)
	for i, in := range d.Inputs {
		for p := range int32(in.Topic.Partitions) {
			if !made[i] {
				rec.Inputs.Raise(in.Topic.Name, p, at[topicPartition{in.Topic.Name, p}])
			}
		}
	}
	for _, via := range d.Vias() {
		ends, err := listed(r.cl.admin.ListEndOffsets(ctx, via.Name))
		if err != nil {
			return err
		}
		for at, end := range ends {
			rec.Ends.Raise(at.topic, at.partition, end)
		}
	}
	return nil
}

// positions are how far a group has read its inputs, those that it brings to
// another partition count and those that it makes itself included.
func (r *Replay) positions(ctx context.Context, d topology.Declared) (map[topicPartition]int64, error) {
	out := map[topicPartition]int64{}
	for name, topics := range readsOf(d) {
		of := map[string][]int32{}
		for _, t := range topics {
			for p := range int32(t.Partitions) {
				of[t.Name] = append(of[t.Name], p)
			}
		}
		at, err := stablePositions(ctx, r.cl.client, name, of)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("positions of %s: %w", name, err)
		}
		maps.Copy(out, at)
	}
	return out, nil
}

// readsOf are the topics that the consumer groups of a declared one read.
func readsOf(d topology.Declared) map[string][]topology.Topic {
	reads := map[string][]topology.Topic{d.Name: d.Vias()}
	for _, in := range d.Inputs {
		name := d.Name
		if in.Whole {
			name = topology.FeedingGroup(d.Name, in.Topic.Partitions)
		}
		reads[name] = append(reads[name], in.Topic)
	}
	return reads
}

// inWay names the processes that keep a switch from being decided, and tells
// the latest time that any has told.
func (r *Replay) inWay(ctx context.Context, view, to, id string, old, next topology.Declared) (names []string, clock time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	present, err := r.cl.present(ctx, old.Name, next.Name)
	if err != nil {
		return nil, clock, err
	}
	processes, err := r.cl.members(ctx, r.cfg, topology.Processes)
	if err != nil {
		return nil, clock, err
	}
	clock = time.Now().UTC()
	known := map[string]bool{}
	for _, p := range processes {
		known[p.Instance] = true
		if p.At.After(clock) {
			clock = p.At
		}
		switch {
		case !present[p.Instance] && time.Since(p.At) > processGone:
		case !slices.Contains(p.Groups, to):
			names = append(names, "worker "+p.Instance+" does not know "+to+": deploy a version that does, or stop it")
		case id != "" && p.Prepared[view] != id:
			names = append(names, "worker "+p.Instance+" does not answer: it is down, or has a transaction that does not end")
		}
	}
	for instance := range present {
		if !known[instance] {
			names = append(names, "worker "+instance+" has not said which versions it knows: deploy a version that does, or stop it")
		}
	}
	slices.Sort(names)
	return names, clock, nil
}

func blocked(inWay []string) error {
	if len(inWay) == 0 {
		return nil
	}
	return refused(Blocked, "%s", strings.Join(inWay, "; "))
}

// notBehind says whether a version has folded nearly all that there is.
func (r *Replay) notBehind(ctx context.Context, d topology.Declared) error {
	w, err := r.work(ctx, d)
	if err == nil && w.all-w.done > mayBeBehind {
		err = refused(IsBehind, "%s has %d records to fold yet; switch when there are fewer than %d", d.Name, w.all-w.done, mayBeBehind)
	}
	return err
}
