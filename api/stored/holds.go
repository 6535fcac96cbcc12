package stored

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/connectors/store"
	"payerflow/events"
)

// LegalHold is a hold as administrators see it: its key is not repeated.
type LegalHold struct {
	ID   string    `json:"id"`
	Kind string    `json:"kind" enum:"key,tag"`
	Tag  string    `json:"tag,omitempty"`
	Why  string    `json:"why"`
	By   string    `json:"by" doc:"Id of the token"`
	At   time.Time `json:"at"`
}

// LegalHolds are all holds.
type LegalHolds struct {
	Holds []LegalHold `json:"holds" doc:"Oldest first"`
}

type holdInput struct {
	Body struct {
		Key string `json:"key,omitempty" maxLength:"1024" doc:"Key of the entity; this or tag"`
		Tag string `json:"tag,omitempty" maxLength:"255"`
		Why string `json:"why" minLength:"1" maxLength:"1000"`
	}
}

type releaseInput struct {
	ID  string `path:"id" maxLength:"64"`
	Why string `query:"why" required:"true" minLength:"1" maxLength:"1000"`
}

func (d *Door) registerHolds(api huma.API) {
	operation := func(id, method, path, summary string, status int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"event store"}, Summary: summary, Description: "For administrators. Audited.",
			DefaultStatus: status, Errors: []int{401, 403, 404, 422, 503}}
	}
	huma.Register(api, operation("put-legal-hold", http.MethodPost, "/v1/store/holds", "Protect what the store has of an entity or a tag from its own expiry", http.StatusCreated), d.hold)
	huma.Register(api, operation("delete-legal-hold", http.MethodDelete, "/v1/store/holds/{id}", "Take a legal hold away", http.StatusNoContent), d.release)
	huma.Register(api, operation("list-legal-holds", http.MethodGet, "/v1/store/holds", "All legal holds, without their keys", http.StatusOK), d.holds)
}

// officer is who may hold and release.
func (d *Door) officer(ctx context.Context) (access.Principal, error) {
	p, err := principal(ctx)
	if err != nil {
		return p, err
	}
	if d.Store == nil {
		return p, noStore()
	}
	if !p.Scopes.Admin {
		return p, access.Forbidden("legal holds are for administrators")
	}
	return p, nil
}

func (d *Door) hold(ctx context.Context, in *holdInput) (*struct{ Body LegalHold }, error) {
	audit.Acts(ctx, "hold.put", "event-store", "", in.Body.Why)
	p, err := d.officer(ctx)
	if err != nil {
		return nil, err
	}
	h := store.Hold{Kind: store.HoldKey, Value: in.Body.Key, Why: in.Body.Why, By: p.Token, At: time.Now().UTC()}
	var keys []string
	if in.Body.Key != "" {
		keys = append(keys, in.Body.Key)
	} else {
		h.Kind, h.Value = store.HoldTag, in.Body.Tag
	}
	if (in.Body.Key == "") == (in.Body.Tag == "") {
		return nil, problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "a hold is of a key or of a tag: name one of them")
	}
	e := events.AuditReceived{Act: "hold.put", Object: "event-store", Name: h.Kind, Decision: events.AuditAllow, Why: h.Why}
	if p := audit.Write(ctx, e, keys...); p != nil {
		return nil, p
	}
	if h, err = d.Store.Hold(ctx, h); err != nil {
		return nil, d.problemOf(ctx, err)
	}
	return &struct{ Body LegalHold }{shown(h)}, nil
}

func (d *Door) release(ctx context.Context, in *releaseInput) (*struct{}, error) {
	audit.Acts(ctx, "hold.delete", "event-store", in.ID, in.Why)
	if _, err := d.officer(ctx); err != nil {
		return nil, err
	}
	if p := audit.Write(ctx, events.AuditReceived{Act: "hold.delete", Object: "event-store", Name: in.ID, Decision: events.AuditAllow, Why: in.Why}); p != nil {
		return nil, p
	}
	switch err := d.Store.Release(ctx, in.ID); {
	case errors.Is(err, store.ErrNotHeld):
		return nil, problem.New(http.StatusNotFound, "HOLD_NOT_FOUND", "there is no such legal hold")
	case err != nil:
		return nil, d.problemOf(ctx, err)
	}
	return nil, nil //nolint:nilnil // there is nothing to show
}

func (d *Door) holds(ctx context.Context, _ *struct{}) (*struct{ Body LegalHolds }, error) {
	if _, err := d.officer(ctx); err != nil {
		return nil, err
	}
	all, err := d.Store.Holds(ctx)
	if err != nil {
		return nil, d.problemOf(ctx, err)
	}
	out := LegalHolds{Holds: []LegalHold{}}
	for _, h := range all {
		out.Holds = append(out.Holds, shown(h))
	}
	return &struct{ Body LegalHolds }{out}, nil
}

func shown(h store.Hold) LegalHold {
	out := LegalHold{ID: h.ID, Kind: h.Kind, Why: h.Why, By: h.By, At: h.At.UTC()}
	if h.Kind == store.HoldTag {
		out.Tag = h.Value
	}
	return out
}
