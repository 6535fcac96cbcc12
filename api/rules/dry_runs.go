package rules

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// Recorded tries rules on recorded events.
type Recorded interface {
	Try(ctx context.Context, last int, since time.Time, begin func() *processors.DryRun, progress func(done, total int64)) (*processors.DryRun, error)
	// TryGraces shows a trial the rows of all members.
	TryGraces(ctx context.Context, trial *processors.GraceTrial) error
}

// maxTried bounds how many events one dry run looks at.
const maxTried = 10_000_000

// Trial asks what changes would do to recorded events.
type Trial struct {
	Proposal string      `json:"proposal,omitempty" maxLength:"60" doc:"Changes that are proposed"`
	Changes  []RowChange `json:"changes,omitempty" maxItems:"1000" doc:"Or changes that are not"`
	Last     int         `json:"last,omitempty" minimum:"0" maximum:"10000000" doc:"The last events; 1000 unless since is given"`
	Since    time.Time   `json:"since,omitzero" doc:"All events since then"`
}

// TrialLine is one line of the answer: how far it is, and at the end what was
// found, or why nothing was.
type TrialLine struct {
	Done    int64                `json:"done"`
	Total   int64                `json:"total"`
	Result  *processors.Compared `json:"result,omitempty"`
	Problem *problem.Problem     `json:"problem,omitempty"`
}

func (d *Door) registerDryRuns(api huma.API) {
	if d.Recorded == nil {
		return
	}
	op := d.proposals().operation(http.MethodPost, "/v1/dry-runs", "try", "Try changes on recorded events: who would have received what, before and after")
	op.MaxBodyBytes = maxBody
	op.Description = "Nothing is delivered. The answer is JSON lines: done and total while it reads, result in the last."
	huma.Register(api, op, func(ctx context.Context, in *struct{ Body Trial }) (*huma.StreamResponse, error) {
		c, err := d.who(ctx, in.Body.Proposal)
		if err != nil {
			return nil, err
		}
		after, err := d.tried(c, in.Body)
		if err != nil {
			return nil, err
		}
		if classes := c.classes(); len(classes) > 0 { // samples show them
			if p := audit.Reads(ctx, "proposal.try", tables.KindProposal, in.Body.Proposal, classes); p != nil {
				return nil, p
			}
		}
		if !d.trying.TryLock() {
			p := problem.New(http.StatusServiceUnavailable, "BUSY", "this worker tries other changes: try again when it is done")
			p.RetryAfter = 5
			return nil, p
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer d.trying.Unlock()
			d.try(hc, c, after, in.Body)
		}}, nil
	})
}

// tried are the rules as the changes would make them.
func (d *Door) tried(c caller, in Trial) (*processors.Rules, error) {
	var changes []tables.ProposedChange
	if in.Proposal != "" {
		p, err := d.found(c)
		if err != nil {
			return nil, err
		}
		changes = p.Changes
	} else {
		var err error
		if changes, err = d.proposed(c, in.Changes); err != nil {
			return nil, err
		}
	}
	after, faults := c.rules.With(changes)
	if len(faults) > 0 {
		return nil, refused(faults)
	}
	if !c.Scopes.Admin && len(c.rules.Probes(changes)) > 0 {
		return nil, access.Forbidden("a condition asks for what its team may not see yet: its counts would tell. An administrator may try it")
	}
	return after, nil
}

// classes are all that the caller's team may see of any type, but PUBLIC.
func (c caller) classes() []string {
	seen := map[string]bool{}
	for _, t := range c.rules.EventTypes() {
		maps.Copy(seen, c.rules.Classes(c.Team, c.Application, t.Name))
	}
	delete(seen, tables.ClassPublic)
	return slices.Sorted(maps.Keys(seen))
}

func (d *Door) try(hc huma.Context, c caller, after *processors.Rules, in Trial) {
	hc.SetHeader("Content-Type", "application/x-ndjson")
	hc.SetHeader("Cache-Control", "no-store")
	var mu sync.Mutex
	lines := json.NewEncoder(hc.BodyWriter())
	say := func(l TrialLine) {
		mu.Lock()
		defer mu.Unlock()
		_ = lines.Encode(l) // a reader that left ends the context
		if f, ok := hc.BodyWriter().(http.Flusher); ok {
			f.Flush()
		}
	}
	last := TrialLine{}
	if in.Last == 0 && in.Since.IsZero() {
		in.Last = 1000
	}
	run, err := d.Recorded.Try(hc.Context(), min(in.Last, maxTried), in.Since, func() *processors.DryRun { return processors.NewDryRun(c.rules, after) },
		func(done, total int64) {
			last.Done, last.Total = done, total
			say(last)
		})
	var graces *processors.ComparedGraces
	if err == nil {
		graces, err = d.tryGraces(hc.Context(), c, after)
	}
	switch {
	case err == nil:
		result := run.Compare(in.Last, processors.Viewer{Team: c.Team, Application: c.Application, Acts: c.Acts})
		result.Graces = graces
		last.Result = &result
	case errors.Is(err, topology.ErrUnavailable):
		last.Problem = problem.New(http.StatusServiceUnavailable, "UNAVAILABLE", "recorded events cannot be read now")
	default:
		d.Logger.Warn("a dry run failed", "error", err)
		last.Problem = problem.New(http.StatusServiceUnavailable, "UNAVAILABLE", "recorded events could not be read")
	}
	say(last)
}

// tryGraces compares how members would stand by other grace policies; nil
// where they are the same.
func (d *Door) tryGraces(ctx context.Context, c caller, after *processors.Rules) (*processors.ComparedGraces, error) {
	trial := processors.GraceTrial{Before: c.rules.Graces(), After: after.Graces(), Day: tables.DayIn(events.InstantOf(time.Now()), tables.DefaultGracePolicy.Location())}
	if trial.Before.Hash() == trial.After.Hash() {
		return nil, nil
	}
	if err := d.Recorded.TryGraces(ctx, &trial); err != nil {
		return nil, err
	}
	found := trial.Compare(slices.Contains(c.rules.Seen(c.Team, c.Application), tables.ClassPHI))
	return &found, nil
}
