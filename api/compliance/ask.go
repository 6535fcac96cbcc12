package compliance

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/tables"
)

// Ledger is the audit as it is read.
type Ledger interface {
	Query(ctx context.Context, since time.Time, takes func(events.AuditReceived) bool, each func(events.AuditReceived)) (unreadable int, err error)
	Check(ctx context.Context) (kafka.AuditReport, error)
}

// readers is how many requests read the audit at a time: each reads from the
// brokers all that it looks through.
const readers = 2

// longest is what reading may take.
const longest = 10 * time.Minute

// Question chooses records. What is left out chooses all.
type Question struct {
	Actor    string    `json:"actor,omitempty" maxLength:"255" doc:"Id of a token, or a principal; or a pattern"`
	Team     string    `json:"team,omitempty" maxLength:"60"`
	Act      string    `json:"act,omitempty" maxLength:"60" doc:"Or a pattern" example:"view.*"`
	Object   string    `json:"object,omitempty" maxLength:"60" doc:"Kind of thing: view, subscription, topic"`
	Name     string    `json:"name,omitempty" maxLength:"250" doc:"Of the thing, or a pattern"`
	Decision string    `json:"decision,omitempty" enum:"ALLOW,DENY"`
	Key      string    `json:"key,omitempty" maxLength:"1024" doc:"Key of an entity: who saw it"`
	Breaking bool      `json:"breakGlass,omitempty" doc:"Only what was seen by breaking the glass"`
	Since    time.Time `json:"since,omitzero" doc:"24 hours back unless said"`
	Until    time.Time `json:"until,omitzero"`
	Limit    int       `json:"limit,omitempty" default:"200" minimum:"1" maximum:"1000" doc:"Most records, the newest"`
}

// Answered are records of the audit.
type Answered struct {
	Records    []events.AuditReceived `json:"records" doc:"The newest first"`
	Found      int                    `json:"found" doc:"Records that the question chooses"`
	Unreadable int                    `json:"unreadable,omitempty" doc:"Records that do not decode"`
}

func (d *Door) registerAsking(api huma.API) {
	if d.Ledger == nil {
		return
	}
	d.reading = make(chan struct{}, readers)
	op := huma.Operation{Method: http.MethodPost, Tags: []string{"compliance"}, DefaultStatus: http.StatusOK, Errors: []int{401, 403, 422, 503}}
	op.OperationID, op.Path, op.Summary = "query-audit", "/v1/audit/queries", "Who did and saw what"
	op.Description = "For tokens with the scope audit, and administrators. Everything that was received since then is read. The question is in the audit itself."
	huma.Register(api, op, func(ctx context.Context, in *struct{ Body Question }) (*struct{ Body Answered }, error) {
		return asked(ctx, d, func(ctx context.Context) (Answered, error) { return d.query(ctx, in.Body) })
	})
	op.OperationID, op.Path, op.Summary = "check-audit", "/v1/audit/checks", "Is the audit whole"
	op.Description = "For tokens with the scope audit, and administrators. Chains, signed ends and what was received are read whole and compared, as payerflow audit verify does."
	huma.Register(api, op, func(ctx context.Context, _ *struct{}) (*struct{ Body kafka.AuditReport }, error) {
		return asked(ctx, d, d.Ledger.Check)
	})
}

// asked reads for somebody who may.
func asked[T any](ctx context.Context, d *Door, read func(context.Context) (T, error)) (*struct{ Body T }, error) {
	p, _, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	if !p.Scopes.Admin && !p.Scopes.Audit {
		return nil, access.Forbidden("the audit is asked with the scope audit, or by administrators")
	}
	select {
	case d.reading <- struct{}{}:
		defer func() { <-d.reading }()
	default:
		busy := problem.New(http.StatusServiceUnavailable, "BUSY", "others read the audit on this worker: try again")
		busy.RetryAfter = 5
		return nil, busy
	}
	ctx, done := context.WithTimeout(ctx, longest)
	defer done()
	out, err := read(ctx)
	if err != nil {
		away := problem.New(http.StatusServiceUnavailable, "UNAVAILABLE", "the audit could not be read whole: the brokers or the registry do not answer, or nothing was ever chained")
		away.RetryAfter = 5
		return nil, away
	}
	return &struct{ Body T }{out}, nil
}

func (d *Door) query(ctx context.Context, q Question) (Answered, error) {
	if q.Since.IsZero() {
		q.Since = time.Now().Add(-24 * time.Hour)
	}
	if q.Limit == 0 {
		q.Limit = 200
	}
	out := Answered{Records: []events.AuditReceived{}}
	newest := func(x, y events.AuditReceived) int {
		return cmp.Or(y.At.Time().Compare(x.At.Time()), strings.Compare(x.ID, y.ID))
	}
	keep := func() {
		slices.SortFunc(out.Records, newest)
		out.Records = out.Records[:min(len(out.Records), q.Limit)]
	}
	var err error
	out.Unreadable, err = d.Ledger.Query(ctx, q.Since, q.takes(d.Keys.Hash), func(e events.AuditReceived) {
		out.Found++
		if out.Records = append(out.Records, e); len(out.Records) >= 2*q.Limit { // so that no more is held than is shown
			keep()
		}
	})
	keep()
	if q.Key == "" {
		audit.Shows(ctx, len(out.Records))
	} else {
		audit.Shows(ctx, len(out.Records), q.Key)
	}
	return out, err
}

// takes says which records are chosen.
func (q Question) takes(hash func(string) string) func(events.AuditReceived) bool {
	is := func(pattern, value string) bool {
		return pattern == "" || pattern == value || tables.Matches([]string{pattern}, value)
	}
	keyHash := ""
	if q.Key != "" {
		keyHash = hash(q.Key)
	}
	return func(e events.AuditReceived) bool {
		at := e.At.Time()
		return is(q.Actor, e.Actor) && is(q.Team, e.Team) && is(q.Act, e.Act) && is(q.Object, e.Object) && is(q.Name, e.Name) &&
			(q.Decision == "" || q.Decision == e.Decision) && (!q.Breaking || e.Breaking) && !at.Before(q.Since) && (q.Until.IsZero() || at.Before(q.Until)) &&
			(keyHash == "" || slices.Contains(strings.Split(e.KeyHash, ","), keyHash))
	}
}
