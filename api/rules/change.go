package rules

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
)

func now() events.Instant { return events.InstantOf(time.Now()) }

// expected reads If-Match: the version that the caller has seen, -1 for none.
func expected(match string) (int32, error) {
	match = strings.TrimSpace(match)
	if match == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(strings.Trim(match, `"`), 10, 32)
	if err != nil || n < 1 {
		p := problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "If-Match is not a version as ETag gives it")
		p.Errors = []problem.Detail{{Pointer: "header.If-Match", Message: `a number in quotes, as "3"`}}
		return 0, p
	}
	return int32(n), nil
}

// matched says which version a change makes: one more than the row has, which
// must be the one that the caller has seen.
func (r resource[T]) matched(c caller, match string) (int32, error) {
	seen, err := expected(match)
	if err != nil {
		return 0, err
	}
	has := c.rules.Version(r.kind, c.id)
	switch {
	case seen < 0 && has > 0:
		return 0, problem.New(http.StatusPreconditionRequired, "VERSION_REQUIRED", "the "+r.noun+" exists: read it, and send its ETag as If-Match")
	case seen >= 0 && seen != has:
		return 0, problem.New(http.StatusPreconditionFailed, processors.VersionConflict, "the "+r.noun+" is not at that version: read it again")
	}
	return has + 1, nil
}

// write puts a row in force, and answers with what the caller sees of it.
func (r resource[T]) write(ctx context.Context, d *Door, c caller, row T, version int32, why string) (*rowOutput[T], error) {
	text, err := json.Marshal(row)
	if err != nil {
		return nil, err
	}
	change := control(r.kind, c.id, events.ControlPut, version, string(text), c, why)
	if faults := c.rules.Check(change); len(faults) > 0 {
		return nil, refused(faults)
	}
	o, err := d.change(ctx, change)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if version == 1 {
		status = http.StatusCreated
	}
	row, _ = r.shown(c, row)
	return &rowOutput[T]{Status: status, ETag: etag(o.Version), Body: Row[T]{Name: c.id, Version: o.Version, Row: row}}, nil
}

func etag(version int32) string { return `"` + strconv.Itoa(int(version)) + `"` }

// change writes one event and waits for its effect. A refusal is a problem.
func (d *Door) change(ctx context.Context, e events.Control) (processors.Outcome, error) {
	o, err := d.Log.Change(ctx, e)
	var fault *events.Fault
	var known *problem.Problem
	switch {
	case errors.As(err, &known):
		return o, known
	case errors.Is(err, topology.ErrUnavailable):
		if _, stale := d.Log.Rules(); stale != nil {
			return o, access.Stale()
		}
		p := problem.New(http.StatusServiceUnavailable, "OUTCOME_UNKNOWN", "the brokers do not answer in time: read the row to see whether the change came into force")
		p.RetryAfter = 1
		return o, p
	case err != nil && strings.Contains(err.Error(), "too large"), errors.As(err, &fault) && fault.ReasonCode == "TOO_LARGE":
		return o, problem.New(http.StatusRequestEntityTooLarge, "TOO_LARGE", "the row does not fit into a record of 1 MiB")
	case err != nil:
		return o, problem.New(http.StatusInternalServerError, "INTERNAL", "the change could not be written")
	case !o.Applied:
		return o, refused(o.Faults)
	}
	return o, nil
}

// refused makes one problem of all reasons for which a change is not taken.
func refused(faults []events.Fault) *problem.Problem {
	status, code, detail := http.StatusUnprocessableEntity, "ROW_REFUSED", "the row is not one that can come into force; see errors"
	for _, f := range faults {
		switch f.ReasonCode {
		case processors.VersionConflict:
			status, code, detail = http.StatusPreconditionFailed, f.ReasonCode, "somebody else changed the row: read it again"
		case processors.RowInUse:
			status, code, detail = http.StatusConflict, f.ReasonCode, f.Reason
		case processors.ApprovalNeeded, processors.AlreadyDecided:
			status, code, detail = http.StatusConflict, f.ReasonCode, f.Reason
		case processors.SelfApproval, processors.NotPermitted:
			status, code, detail = http.StatusForbidden, f.ReasonCode, f.Reason
		}
	}
	p := problem.New(status, code, detail)
	for _, f := range faults {
		p.Errors = append(p.Errors, problem.Detail{Code: f.ReasonCode, Pointer: f.At, Message: f.Reason})
	}
	return p
}
