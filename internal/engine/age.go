package engine

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	// ageEvery is how often it is found out what copies hold, and arriveEvery how
	// often they are looked at for what they were seen to lack.
	ageEvery    = time.Second
	arriveEvery = 100 * time.Millisecond
	// sayAgain is how often it is said that this fails, where it fails alike.
	sayAgain = time.Minute
)

// age finds out what the copies hold that this worker does not fold, and which
// tables there are, until ctx ends.
func (e *Engine) age(ctx context.Context) {
	tick, arrive := time.NewTicker(ageEvery), time.NewTicker(arriveEvery)
	defer tick.Stop()
	defer arrive.Stop()
	var a ageing
	said := map[string]time.Time{}
	for {
		err := a.round(ctx, e)
		if err != nil && ctx.Err() == nil && time.Since(said[err.Error()]) > sayAgain {
			said = map[string]time.Time{err.Error(): time.Now()}
			e.log.Warn("how old copies of tables are is not known for now", "error", err)
		}
		for due := false; !due; {
			select {
			case <-ctx.Done():
				return
			case <-arrive.C:
				a.arrive()
			case <-tick.C:
				due = true
			}
		}
	}
}

// ageing is what age keeps from one round to the next.
type ageing struct {
	origins time.Time
	survey  *survey
	copies  map[*group]aged // of the latest survey
}

// aged are the copies of one table.
type aged struct {
	partitions []int32
	until      time.Time // what came until then is in what the group reads
}

// round goes on past what is refused or missing: that is a matter of one view.
func (a *ageing) round(ctx context.Context, e *Engine) error {
	cl, err := e.progress.cluster()
	if err != nil {
		return err
	}
	var faults []error
	if time.Since(a.origins) > originsEvery {
		if err := e.readOrigins(cl); err == nil {
			a.origins = time.Now()
		} else if faults = append(faults, err); !denied(err) {
			return err
		}
	}
	return errors.Join(append(faults, a.look(ctx, e)...)...)
}

// look makes a survey, and moves the chase of each copy on.
func (a *ageing) look(ctx context.Context, e *Engine) (faults []error) {
	a.copies = map[*group]aged{}
	var groups []*group
	for _, g := range e.served() {
		if len(g.followed()) > 0 {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	if a.survey = e.progress.survey(ctx, groups); a.survey.err != nil {
		return []error{a.survey.err}
	}
	for _, g := range groups {
		if err := a.survey.fault(g); err != nil {
			faults = append(faults, err)
			continue
		}
		of := aged{g.followed(), g.fedUntil(ctx, a.survey)}
		for _, p := range of.partitions {
			g.chase(ctx, p, a.survey, of.until)
		}
		a.copies[g] = of
	}
	return faults
}

// arrive sees which copies have come to where they were seen to have to come,
// and begins the next chase of these.
func (a *ageing) arrive() {
	for g, of := range a.copies {
		for _, p := range of.partitions {
			if c := g.copies.chase(p); c.committed && g.changelog(p)+1 >= c.changelog {
				g.arrived(p, c)
				c.begin(g, p, a.survey, of.until)
			}
		}
	}
}

// denied says whether the cluster's access rules refuse something.
func denied(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed)
}
