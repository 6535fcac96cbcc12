// Package compliance answers: how does somebody see in an emergency what he may
// not see, so that everybody knows of it; and how is the audit asked who did
// and saw what?
package compliance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
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

// Door breaks the glass, and hashes keys for those who ask the audit.
type Door struct {
	Log   audit.Rules
	Keys  processors.AuditKeys
	Views []string // that are served
	// Ledger answers questions; nil: they are not asked here.
	Ledger  Ledger
	reading chan struct{}
}

// Open says that nothing here goes without a token.
func (d *Door) Open(*http.Request) bool { return false }

// Asked is what somebody wants to see, and why.
type Asked struct {
	Reason  string   `json:"reason" minLength:"10" maxLength:"500" doc:"Why: it is kept for ever; name no patient"`
	Views   []string `json:"views,omitempty" maxItems:"20" doc:"Views that are read"`
	Classes []string `json:"classes,omitempty" maxItems:"20" doc:"Classes that are seen in dead letters"`
	Minutes int      `json:"minutes,omitempty" minimum:"1" maximum:"60" default:"15" doc:"How long"`
}

// Glass is one that is broken.
type Glass struct {
	tables.BreakGlass
	Version int32 `json:"version"`
}

type glassOutput struct{ Body Glass }

type glassesOutput struct {
	Body struct {
		Open []Glass `json:"open" doc:"By id"`
	}
}

// Register adds the paths.
func (d *Door) Register(_ *http.ServeMux, api huma.API) {
	api = audit.Acting(api)
	operation := func(id, method, path, summary, more string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"compliance"}, Summary: summary, Description: more,
			Errors: []int{401, 403, 404, 412, 422, 503}}
	}
	open := operation("open-break-glass", http.MethodPost, "/v1/break-glass", "Break the glass: see for an hour at most what the token may not",
		"For tokens whose scope breakGlass names the views and classes. That it was broken, everything that is seen by it and that it ended is written to the audit.")
	open.DefaultStatus = http.StatusCreated
	huma.Register(api, open, d.open)
	huma.Register(api, operation("list-break-glass", http.MethodGet, "/v1/break-glass", "Glasses that are broken now", "One's own; with the scope audit, or for administrators, all."), d.list)
	end := operation("close-break-glass", http.MethodDelete, "/v1/break-glass/{name}", "End it before its time", "By whoever broke it, or an administrator.")
	end.DefaultStatus = http.StatusNoContent
	huma.Register(api, end, d.end)
	huma.Register(api, operation("hash-audit-key", http.MethodPost, "/v1/audit/key-hash", "What stands for an entity's key in the audit", "For tokens with the scope audit, and administrators."), d.hash)
	d.registerAsking(api)
}

func (d *Door) who(ctx context.Context) (access.Principal, *processors.Rules, error) {
	p, ok := access.From(ctx)
	if !ok {
		return p, nil, access.Forbidden("no token")
	}
	rules, err := d.Log.Rules()
	if err != nil {
		return p, nil, access.Stale()
	}
	return p, rules, nil
}

func (d *Door) open(ctx context.Context, in *struct{ Body Asked }) (*glassOutput, error) {
	p, rules, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(in.Body.Views, in.Body.Classes) {
		if !p.Scopes.MayBreak(name) {
			return nil, access.Forbidden("the token's scope breakGlass does not name all of these views and classes")
		}
	}
	for _, v := range in.Body.Views {
		if !slices.Contains(d.Views, v) {
			return nil, problem.New(http.StatusNotFound, "VIEW_NOT_FOUND", "there is no such view; GET /v1/views lists them")
		}
	}
	now := time.Now().UTC().Truncate(time.Second)
	b := tables.BreakGlass{ID: strings.ToLower(rand.Text()), Token: p.Token, Team: p.Team, Views: in.Body.Views, Classes: in.Body.Classes,
		Reason: in.Body.Reason, OpenedAt: now, Until: now.Add(time.Duration(in.Body.Minutes) * time.Minute)}
	row, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	c := events.Control{Kind: tables.KindBreakGlass, Name: b.ID, Version: 1, Act: events.ControlPut, Row: string(row), By: p.Token, Why: b.Reason, At: events.InstantOf(now)}
	if faults := rules.Check(c); len(faults) > 0 {
		return nil, refused(faults)
	}
	audit.Breaks(ctx, b.Reason)
	o, err := d.change(ctx, c)
	if err != nil {
		return nil, err
	}
	return &glassOutput{Glass{b, o.Version}}, nil
}

func (d *Door) list(ctx context.Context, _ *struct{}) (*glassesOutput, error) {
	p, rules, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	out := &glassesOutput{}
	out.Body.Open = []Glass{}
	for _, b := range rules.BreakGlasses() {
		if b.Open(time.Now()) && (p.Scopes.Admin || p.Scopes.Audit || b.Token == p.Token) {
			out.Body.Open = append(out.Body.Open, Glass{b, rules.Version(tables.KindBreakGlass, b.ID)})
		}
	}
	return out, nil
}

type endInput struct {
	Name string `path:"name" maxLength:"60" doc:"Its id"`
}

func (d *Door) end(ctx context.Context, in *endInput) (*struct{}, error) {
	p, rules, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	b, there := rules.BreakGlass(in.Name)
	if !there || b.Token != p.Token && !p.Scopes.Admin {
		return nil, problem.New(http.StatusNotFound, "ROW_NOT_FOUND", "there is no such glass of this token; it may have ended")
	}
	audit.Breaks(ctx, b.Reason)
	_, err = d.change(ctx, closing(rules, b, p.Token, "closed"))
	return nil, err
}

func closing(rules *processors.Rules, b tables.BreakGlass, by, why string) events.Control {
	return events.Control{Kind: tables.KindBreakGlass, Name: b.ID, Version: rules.Version(tables.KindBreakGlass, b.ID) + 1, Act: events.ControlDelete,
		By: by, Why: why, At: events.InstantOf(time.Now())}
}

type hashInput struct {
	Body struct {
		Key string `json:"key" minLength:"1" maxLength:"1024" doc:"Key of the entity"`
	}
}

type hashOutput struct {
	Body struct {
		KeyHash string `json:"keyHash"`
	}
}

func (d *Door) hash(ctx context.Context, in *hashInput) (*hashOutput, error) {
	p, _, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	if !p.Scopes.Admin && !p.Scopes.Audit {
		return nil, access.Forbidden("keys are hashed for tokens with the scope audit, and for administrators")
	}
	out := &hashOutput{}
	out.Body.KeyHash = d.Keys.Hash(in.Body.Key)
	return out, nil
}

func (d *Door) change(ctx context.Context, e events.Control) (processors.Outcome, error) {
	o, err := d.Log.Change(ctx, e)
	var known *problem.Problem
	switch {
	case errors.As(err, &known):
		return o, known
	case errors.Is(err, topology.ErrUnavailable):
		p := problem.New(http.StatusServiceUnavailable, "OUTCOME_UNKNOWN", "the brokers do not answer in time: list what is open to see whether it came into force")
		p.RetryAfter = 1
		return o, p
	case err != nil:
		return o, problem.New(http.StatusInternalServerError, "INTERNAL", "the change could not be written")
	case !o.Applied:
		return o, refused(o.Faults)
	}
	return o, nil
}

func refused(faults []events.Fault) *problem.Problem {
	p := problem.New(http.StatusUnprocessableEntity, "ROW_REFUSED", "this cannot come into force; see errors")
	for _, f := range faults {
		if f.ReasonCode == processors.VersionConflict {
			p = problem.New(http.StatusPreconditionFailed, f.ReasonCode, "it has ended already")
		}
	}
	for _, f := range faults {
		p.Errors = append(p.Errors, problem.Detail{Code: f.ReasonCode, Pointer: f.At, Message: f.Reason})
	}
	return p
}
