package rules

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// RowChange is a change of one row as it is asked for.
type RowChange struct {
	Kind    string          `json:"kind" doc:"event-type, routing-rule, subscription, permission, aggregation, approval-policy or grace-policy"`
	Name    string          `json:"name,omitempty" doc:"Of the row; taken from the row where it is left out"`
	Act     string          `json:"act,omitempty" enum:"PUT,DELETE" doc:"PUT unless said"`
	Version *int32          `json:"version,omitempty" doc:"Version that the row has now, 0: it is new; left out: as it is when this is proposed"`
	Row     json.RawMessage `json:"row,omitempty"`
}

// NewProposal is what is proposed.
type NewProposal struct {
	Changes []RowChange `json:"changes" minItems:"1" maxItems:"1000"`
	Why     string      `json:"why" minLength:"1" maxLength:"500"`
	Until   time.Time   `json:"until,omitzero" doc:"Then it expires, and what it changed goes back"`
}

// Proposal is a proposal as it is shown.
type Proposal struct {
	ID        string            `json:"id"`
	State     string            `json:"state"`
	Wants     string            `json:"wants,omitempty" doc:"What is still needed before it can be applied"`
	Changes   []RowChange       `json:"changes"`
	By        tables.Decider    `json:"by"`
	Why       string            `json:"why"`
	Until     time.Time         `json:"until,omitzero"`
	Approvals []tables.Decision `json:"approvals,omitempty"`
	Ended     *tables.Decision  `json:"ended,omitempty"`
	Kept      []string          `json:"kept,omitempty" doc:"Rows that were not brought back when it expired: somebody had changed them, or others need them"`
}

func (c caller) decider() tables.Decider {
	return tables.Decider{Token: c.Token, Team: c.Team, Application: c.Application, Admin: c.Scopes.Admin}
}

// sees says whether the caller may read a proposal.
func (c caller) sees(p tables.Proposal) bool {
	return c.Acts(p.By.Team) || c.rules.MayDecide(p, c.decider())
}

func (d *Door) shownProposal(c caller, p tables.Proposal) Proposal {
	out := Proposal{ID: p.ID, State: p.State, Changes: []RowChange{}, By: p.By, Why: p.Why, Until: p.Until, Approvals: p.Approvals, Ended: p.Ended, Kept: p.Kept}
	if p.Open() {
		out.Wants = c.rules.Wanting(p)
	}
	for _, change := range p.Changes {
		out.Changes = append(out.Changes, RowChange{change.Kind, change.Name, change.Act, &change.Version, d.kinds[change.Kind].masked(c, change.Row)})
	}
	return out
}

// proposed are the changes that a caller may propose, as the log holds them.
func (d *Door) proposed(c caller, asked []RowChange) ([]tables.ProposedChange, error) {
	out := make([]tables.ProposedChange, 0, len(asked))
	for _, a := range asked {
		k, known := d.kinds[a.Kind]
		if !known {
			return nil, problem.New(http.StatusUnprocessableEntity, "ROW_REFUSED", "no rows of this kind are proposed: "+strings.Join(processors.ProposedKinds(), ", "))
		}
		change := tables.ProposedChange{Kind: a.Kind, Name: a.Name, Act: events.ControlDelete}
		if a.Act != events.ControlDelete {
			change.Act = events.ControlPut
			var err error
			if change.Name, change.Row, err = k.read(c, a.Name, a.Row); err != nil {
				return nil, err
			}
		}
		if change.Version = c.rules.Version(change.Kind, change.Name); a.Version != nil {
			change.Version = *a.Version
		}
		if err := k.proposable(c, change); err != nil {
			return nil, err
		}
		out = append(out, change)
	}
	return out, nil
}

func (d *Door) propose(ctx context.Context, c caller, changes []tables.ProposedChange, why string, until time.Time) (*rowOutput[Proposal], error) {
	if !until.IsZero() && !until.After(time.Now()) {
		p := problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "until is over")
		p.Errors = []problem.Detail{{Pointer: "/until", Message: "a time to come"}}
		return nil, p
	}
	p := tables.Proposal{ID: "c-" + strings.ToLower(rand.Text()[:10]), Changes: changes, By: c.decider(), Why: why, Until: until.UTC().Truncate(time.Microsecond), State: tables.ProposalProposed}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if len(text) > maxBody {
		return nil, problem.New(http.StatusRequestEntityTooLarge, "TOO_LARGE", "the proposal does not fit into a record of 1 MiB")
	}
	change := control(tables.KindProposal, p.ID, events.ControlPut, 1, string(text), c, why)
	if faults := c.rules.Check(change); len(faults) > 0 {
		return nil, refused(faults)
	}
	o, err := d.change(ctx, change)
	if err != nil {
		return nil, err
	}
	return &rowOutput[Proposal]{Status: http.StatusCreated, ETag: etag(o.Version), Body: Row[Proposal]{Name: p.ID, Version: o.Version, Row: d.shownProposal(c, p)}}, nil
}

// found is a proposal that the caller sees.
func (d *Door) found(c caller) (tables.Proposal, error) {
	p, ok := c.rules.Proposal(c.id)
	if !ok || !c.sees(p) {
		return p, problem.New(http.StatusNotFound, "ROW_NOT_FOUND", "there is no such proposal that the token may see")
	}
	return p, nil
}

// decide writes an act on a proposal.
func (d *Door) decide(ctx context.Context, id, act, why string) (*rowOutput[Proposal], error) {
	c, err := d.who(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := d.found(c); err != nil {
		return nil, err
	}
	by, err := json.Marshal(c.decider())
	if err != nil {
		return nil, err
	}
	o, err := d.change(ctx, control(tables.KindProposal, id, act, c.rules.Version(tables.KindProposal, id)+1, string(by), c, why))
	if err != nil {
		return nil, err
	}
	if c, err = d.who(ctx, id); err != nil {
		return nil, err
	}
	p, _ := c.rules.Proposal(id)
	return &rowOutput[Proposal]{Status: http.StatusOK, ETag: etag(o.Version), Body: Row[Proposal]{Name: id, Version: o.Version, Row: d.shownProposal(c, p)}}, nil
}

// proposals describes the operations; most of a resource is not for it.
func (d *Door) proposals() resource[Proposal] {
	return resource[Proposal]{kind: tables.KindProposal, noun: "proposal", path: "/v1/proposals", one: "/{name}", tag: "changes"}
}

func (d *Door) registerProposals(api huma.API) {
	r := d.proposals()
	huma.Register(api, r.operation(http.MethodGet, r.path, "list", "List proposals that the token's team made or may decide, open ones unless asked for all"), d.listProposals)
	huma.Register(api, r.operation(http.MethodGet, r.path+r.one, "get", "Read one proposal"), func(ctx context.Context, in *getInput) (*rowOutput[Proposal], error) {
		c, err := d.who(ctx, in.id())
		if err != nil {
			return nil, err
		}
		p, err := d.found(c)
		if err != nil {
			return nil, err
		}
		version := c.rules.Version(tables.KindProposal, p.ID)
		return &rowOutput[Proposal]{Status: http.StatusOK, ETag: etag(version), Body: Row[Proposal]{Name: p.ID, Version: version, Row: d.shownProposal(c, p)}}, nil
	})
	op := r.operation(http.MethodPost, r.path, "propose", "Propose changes of rows that come into force together")
	op.MaxBodyBytes, op.DefaultStatus = maxBody, http.StatusCreated
	huma.Register(api, op, func(ctx context.Context, in *struct{ Body NewProposal }) (*rowOutput[Proposal], error) {
		c, err := d.who(ctx, "")
		if err != nil {
			return nil, err
		}
		changes, err := d.proposed(c, in.Body.Changes)
		if err != nil {
			return nil, err
		}
		return d.propose(ctx, c, changes, in.Body.Why, in.Body.Until)
	})
	for _, act := range []struct{ name, act, summary string }{
		{"approve", events.ControlApprove, "Approve a proposal of somebody else"}, {"reject", events.ControlReject, "Reject a proposal"},
		{"withdraw", events.ControlWithdraw, "Withdraw a proposal"}, {"apply", events.ControlApply, "Bring all changes of a proposal into force at once"}} {
		huma.Register(api, r.operation(http.MethodPost, r.path+r.one+"/"+act.name, act.name, act.summary), func(ctx context.Context, in *turnInput) (*rowOutput[Proposal], error) {
			return d.decide(ctx, in.id(), act.act, in.Why)
		})
	}
	d.registerRollback(api, r)
}

func (d *Door) listProposals(ctx context.Context, in *struct {
	All bool `query:"all" doc:"Also those that are over"`
}) (*rowsOutput[Proposal], error) {
	c, err := d.who(ctx, "")
	if err != nil {
		return nil, err
	}
	out := Rows[Proposal]{Offset: c.rules.Offset(), Rows: []Row[Proposal]{}}
	for _, p := range c.rules.Proposals() {
		if c.sees(p) && (in.All || p.Open()) {
			out.Rows = append(out.Rows, Row[Proposal]{Name: p.ID, Version: c.rules.Version(tables.KindProposal, p.ID), Row: d.shownProposal(c, p)})
		}
	}
	return &rowsOutput[Proposal]{out}, nil
}

// Rollback asks for the way back, as a proposal.
type Rollback struct {
	Proposal string `json:"proposal,omitempty" maxLength:"60" doc:"Of all that an active proposal changed"`
	Kind     string `json:"kind,omitempty" maxLength:"60" doc:"Of one row"`
	Name     string `json:"name,omitempty" maxLength:"250"`
	Version  int32  `json:"version,omitempty" minimum:"0" doc:"That the row goes back to; 0: there is no row"`
	Why      string `json:"why" minLength:"1" maxLength:"500"`
}

func (d *Door) registerRollback(api huma.API, r resource[Proposal]) {
	op := r.operation(http.MethodPost, "/v1/rollbacks", "rollback", "Propose to go back: to a version of a row, or to what was before a proposal")
	op.DefaultStatus = http.StatusCreated
	huma.Register(api, op, func(ctx context.Context, in *struct{ Body Rollback }) (*rowOutput[Proposal], error) {
		c, err := d.who(ctx, in.Body.Proposal)
		if err != nil {
			return nil, err
		}
		changes, err := d.back(c, in.Body)
		if err != nil {
			return nil, err
		}
		for _, change := range changes {
			if err := d.kinds[change.Kind].proposable(c, change); err != nil && !errors.Is(err, errStillActive) {
				return nil, err
			}
		}
		return d.propose(ctx, c, changes, in.Body.Why, time.Time{})
	})
	op = r.operation(http.MethodGet, "/v1/versions", "versions", "All versions of a row")
	huma.Register(api, op, func(ctx context.Context, in *struct {
		Kind string `query:"kind" required:"true" maxLength:"60"`
		Name string `query:"name" required:"true" maxLength:"250"`
	}) (*struct{ Body []processors.Past }, error) {
		c, err := d.who(ctx, "")
		if err != nil {
			return nil, err
		}
		k, known := d.kinds[in.Kind]
		past := c.rules.Past(in.Kind, in.Name)
		if !known || len(past) == 0 || !k.sees(c, past) {
			return nil, problem.New(http.StatusNotFound, "ROW_NOT_FOUND", "there is no such row that the token may see")
		}
		for i := range past {
			past[i].Row = string(k.masked(c, past[i].Row))
		}
		return &struct{ Body []processors.Past }{past}, nil
	})
}

func (d *Door) back(c caller, in Rollback) ([]tables.ProposedChange, error) {
	if in.Proposal != "" {
		p, err := d.found(c)
		if err == nil && p.State != tables.ProposalActive {
			err = problem.New(http.StatusConflict, processors.AlreadyDecided, "only an active proposal has something to go back from")
		}
		return p.Undo, err
	}
	k, known := d.kinds[in.Kind]
	change, ok := c.rules.Back(in.Kind, in.Name, in.Version)
	if !known || !ok || !k.sees(c, c.rules.Past(in.Kind, in.Name)) {
		return nil, problem.New(http.StatusNotFound, "ROW_NOT_FOUND", "the row never had this version, or the token may not see it")
	}
	return []tables.ProposedChange{change}, nil
}

var errStillActive = problem.New(http.StatusConflict, "STILL_ACTIVE", "a subscription that is deleted is active: pause it first, and delete it when its team has read what it wants to keep")

func notYours() error {
	return access.Forbidden("the token may not change this row, and no approval policy lets it propose the change")
}
