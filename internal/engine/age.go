package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/internal/topology"
)

const (
	// ageEvery is how often it is found out what copies hold.
	ageEvery = time.Second
	// sayAgain is how often it is said that this fails, where it fails alike.
	sayAgain = time.Minute
)

// age finds out what the copies hold that this worker does not fold, and which
// tables there are, until ctx ends.
func (e *Engine) age(ctx context.Context) {
	tick := time.NewTicker(ageEvery)
	defer tick.Stop()
	var origins time.Time
	said := map[string]time.Time{}
	for {
		err := e.ageViews(ctx, &origins)
		if err != nil && ctx.Err() == nil && time.Since(said[err.Error()]) > sayAgain {
			said = map[string]time.Time{err.Error(): time.Now()}
			e.log.Warn("how old copies of tables are is not known for now", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ageViews goes on past what we are refused: that is a matter of one view, and
// brokers that are away of all.
func (e *Engine) ageViews(ctx context.Context, origins *time.Time) error {
	cl, err := e.progress.cluster()
	if err != nil {
		return err
	}
	var refused []error
	if time.Since(*origins) > originsEvery {
		if err := e.readOrigins(cl); err == nil {
			*origins = time.Now()
		} else if refused = append(refused, err); !denied(err) {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.views)) {
		if err := e.views[name].ageCopies(ctx); err != nil {
			if refused = append(refused, fmt.Errorf("view %s: %w", name, err)); !denied(err) {
				break
			}
		}
	}
	return errors.Join(refused...)
}

// denied says whether the cluster's access rules refuse something.
func denied(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed)
}

// chase is how the ends that inputs had at a moment come to a copy: first the
// group commits past them, then the copy comes to where the changelog ended
// when that was seen.
type chase struct {
	at        time.Time
	ends      map[topicPartition]int64
	committed bool
	positions []topology.Position
	changelog int64
}

// followed are the partitions that are here and are folded elsewhere.
func (g *group) followed() (out []int32) {
	for p := range int32(g.Table.Partitions) {
		if st := g.e.state.opened(g.Table.Name, p); st != nil && st.standby {
			out = append(out, p)
		}
	}
	return out
}

// ageCopies moves the chase of each copy on.
func (g *group) ageCopies(ctx context.Context) error {
	partitions := g.followed()
	if len(partitions) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	progress := g.e.progress
	now, err := g.fedUntil(ctx, time.Now())
	if err != nil {
		return err
	}
	ends, err := g.endsOfInputs(ctx)
	if err != nil {
		return err
	}
	committed, err := progress.committed(ctx, g.Name, time.Now())
	if err != nil {
		return err
	}
	tables, err := progress.ends(ctx, []string{g.Table.Name})
	if err != nil {
		return err
	}
	for _, p := range partitions {
		c := g.copies.chase(p)
		if c.at.IsZero() && !now.IsZero() {
			c.at, c.ends = now, map[topicPartition]int64{}
			for _, in := range g.inputs(p) {
				c.ends[in] = ends[in]
			}
		}
		if !c.at.IsZero() && !c.committed && g.isPast(ctx, c.ends, committed) {
			c.committed, c.changelog = true, tables[topicPartition{g.Table.Name, p}]
			for _, in := range g.inputs(p) {
				c.positions = append(c.positions, topology.Position{Topic: in.topic, Partition: p, Offset: committed[in]})
			}
		}
		if here := g.changelog(p); c.committed && g.reaches(ctx, p, here+1, c.changelog) {
			lag := int64(0)
			for _, in := range g.inputs(p) {
				lag += max(0, ends[in]-committed[in])
			}
			g.copies.note(p, known{at: c.at, positions: c.positions, lag: lag, changelog: here})
			*c = chase{}
		}
	}
	return nil
}

// endsOfInputs are last stable offsets; of what is repartitioned, high
// watermarks: see progress.ends.
func (g *group) endsOfInputs(ctx context.Context) (map[topicPartition]int64, error) {
	ends, err := g.e.progress.stable(ctx, g.reads)
	if err != nil || len(g.feeding) == 0 {
		return ends, err
	}
	var vias []string
	for _, via := range g.Vias() {
		vias = append(vias, via.Name)
	}
	highest, err := g.e.progress.ends(ctx, vias)
	maps.Copy(ends, highest)
	return ends, err
}

// isPast says whether a group is past offsets, but for markers.
func (g *group) isPast(ctx context.Context, ends, committed map[topicPartition]int64) bool {
	for at, offset := range ends {
		if committed[at] >= offset {
			continue
		}
		if cl, err := g.e.progress.cluster(); err != nil || !cl.nothingBetween(ctx, at, committed[at], offset) {
			return false
		}
	}
	return true
}

// reaches says whether nothing is missing in a copy up to an offset of the
// changelog.
func (g *group) reaches(ctx context.Context, partition int32, next, offset int64) bool {
	if next >= offset {
		return true
	}
	cl, err := g.e.progress.cluster()
	return err == nil && cl.nothingBetween(ctx, topicPartition{g.Table.Name, partition}, next, offset)
}

// changelog is the offset up to which the rows that are here go.
func (g *group) changelog(partition int32) int64 {
	log, _ := g.e.state.copy(g.Table.Name)
	if log == nil {
		return -1
	}
	offset, _ := log.Offset(partition)
	if st := g.e.state.opened(g.Table.Name, partition); st != nil && st.standby && st.recovered.Load() {
		followed, _ := st.GetOffset(-1) // also past markers
		return max(offset, followed)
	}
	return offset
}
