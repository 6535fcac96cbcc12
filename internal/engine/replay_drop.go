package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// leaveWithin is how long workers may take to stop a version.
const leaveWithin = 30 * time.Second

// Drop stops a version that is not live. With all, its table, its own streams,
// its positions and its dead letters are deleted: nothing brings them back. A
// version that still speaks for records that it has not folded is not dropped.
func (r *Replay) Drop(ctx context.Context, group string, all bool) error {
	d, line, err := r.running(ctx, group)
	if err != nil {
		return r.remains(ctx, group, all, err)
	}
	if err := r.saidItsPart(ctx, d, line); err != nil {
		return err
	}
	if err := r.say(ctx, versions.Record{Kind: versions.Dropped, View: d.View.Name, Group: group}); err != nil {
		return err
	}
	if !all {
		return nil
	}
	return r.delete(ctx, d)
}

// remains deletes what is left of a version that was dropped before.
func (r *Replay) remains(ctx context.Context, group string, all bool, why error) error {
	state, err := r.state(ctx)
	if err != nil {
		return err
	}
	d, err := r.declared(group)
	if err != nil {
		return err
	}
	if v, known := versionIn(state.Line(d.View.Name), group); !all || !known || v.Runs {
		return why
	}
	return r.delete(ctx, d)
}

// saidItsPart refuses to drop a version that has records to speak for.
func (r *Replay) saidItsPart(ctx context.Context, d topology.Declared, line *versions.Line) error {
	at, err := r.positions(ctx, d)
	if err != nil {
		return err
	}
	made := topology.SelfMade(r.groups, d)
	for _, h := range line.Handed {
		for i, in := range d.Inputs {
			for p, upTo := range h.Inputs[in.Topic.Name] {
				here := topicPartition{in.Topic.Name, p}
				if h.From == d.Name && !made[i] && at[here] < upTo && !r.cl.nothingBetween(ctx, here, at[here], upTo) {
					return refused(NotPastItsPart, "%s is at offset %d of %s/%d and speaks for what lies before %d: wait until it is there",
						d.Name, at[here], here.topic, p, upTo)
				}
			}
		}
		for _, via := range d.Vias() {
			for p, upTo := range h.Ends[via.Name] {
				here := topicPartition{via.Name, p}
				if h.From == d.Name && at[here] < upTo && !r.cl.nothingBetween(ctx, here, at[here], upTo) {
					return refused(NotPastItsPart, "%s has records of before the switch to fold in %s/%d: wait until it has", d.Name, via.Name, p)
				}
			}
		}
	}
	return nil
}

// delete waits until the workers have left the groups, and deletes them and
// their topics.
func (r *Replay) delete(ctx context.Context, d topology.Declared) error {
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	for name := range readsOf(d) {
		for {
			present, err := r.cl.present(ctx, name)
			if err != nil {
				return err
			}
			if len(present) == 0 {
				break
			}
			if pause(ctx, askAgain); ctx.Err() != nil {
				return refused(Blocked, "workers still fold %s; run the same again when they have stopped", name)
			}
		}
		if _, err := r.cl.admin.DeleteGroup(ctx, name); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return fmt.Errorf("group %s: %w", name, err)
		}
	}
	var topics []string
	for _, t := range d.Topics() {
		topics = append(topics, t.Name)
	}
	deleted, err := r.cl.admin.DeleteTopics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("topics of %s: %w", d.Name, err)
	}
	for _, t := range deleted {
		if t.Err != nil && !errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			err = errors.Join(err, fmt.Errorf("topic %s: %w", t.Topic, t.Err))
		}
	}
	return err
}
