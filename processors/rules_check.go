package processors

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"payerflow/events"
	"payerflow/tables"
)

// Reason codes of refused changes, beside those of events.
const (
	VersionConflict = "VERSION_CONFLICT" // somebody else was first
	NotBuilt        = "NOT_BUILT"        // the way of delivery is still to come
	InvalidJSON     = "INVALID_JSON"
	UnknownField    = "UNKNOWN_FIELD"
	UnknownRow      = "UNKNOWN_ROW"  // the change names a row that is not there
	InvalidName     = "INVALID_NAME" // characters or length
	OtherTeam       = "OTHER_TEAM"   // reaches for what another team owns
	RowInUse        = "ROW_IN_USE"   // others name it
	Incompatible    = "INCOMPATIBLE" // an earlier or later reader could not read
	InvalidSchema   = "INVALID_SCHEMA"
	InvalidCEL      = "INVALID_CONDITION"
	NotVisible      = "NOT_VISIBLE"     // delivery would tell what the team may not see
	ApprovalNeeded  = "APPROVAL_NEEDED" // by somebody else, before it can come into force
	SelfApproval    = "SELF_APPROVAL"   // by who proposed it
	AlreadyDecided  = "ALREADY_DECIDED" // the proposal is over, or the same token decided before
	NotPermitted    = "NOT_PERMITTED"   // policies name others
)

// entry is the row of a change.
type entry interface {
	check(r *Rules) []events.Fault     // of a PUT
	checkDrop(r *Rules) []events.Fault // of a DELETE
	put(r *Rules, version int32)
	drop(r *Rules)
	team() string // whose row it is
}

// Check is every reason for which Apply would refuse the change, each with a
// JSON pointer into the row and never a value.
func (r *Rules) Check(c events.Control) []events.Fault {
	_, faults := r.read(c)
	return faults
}

// read makes the row of a change, or says why it cannot be taken.
func (r *Rules) read(c events.Control) (entry, []events.Fault) {
	var faults []events.Fault
	if now := r.Version(c.Kind, c.Name); c.Version != now+1 {
		faults = append(faults, events.Fault{ReasonCode: VersionConflict, Reason: fmt.Sprintf("the row is at version %d: read it again and name version %d", now, now+1)})
	}
	var e entry
	var more []events.Fault
	switch c.Act {
	case events.ControlPut:
		e, more = r.written(c)
	case events.ControlDelete, events.ControlQuarantine:
		e, more = r.present(c)
	case events.ControlApprove, events.ControlReject, events.ControlWithdraw, events.ControlApply, events.ControlExpire:
		e, more = r.decided(c)
	default:
		more = fault(events.InvalidValue, "", "there is no such act")
	}
	faults = append(faults, more...)
	if len(faults) == 0 {
		faults = r.guard(c)
	}
	return e, faults
}

// written is the row of a PUT.
func (r *Rules) written(c events.Control) (entry, []events.Fault) {
	e, name, faults := decodeRow(c)
	if len(faults) > 0 {
		return nil, faults
	}
	if name != c.Name {
		faults = fault(events.InvalidValue, "", "the row is not of the name that the change gives")
	}
	return e, append(faults, e.check(r)...)
}

// present is the row of a DELETE or QUARANTINE, as it stands.
func (r *Rules) present(c events.Control) (entry, []events.Fault) {
	e, ok := r.entry(c.Kind, c.Name)
	if !ok {
		return nil, fault(UnknownRow, "", "there is no such row")
	}
	if c.Row != "" {
		return nil, fault(events.InvalidValue, "", "this act takes no row")
	}
	if c.Act == events.ControlDelete {
		return e, e.checkDrop(r)
	}
	switch e := e.(type) {
	case *routingRule:
		e.State, e.Reason = tables.StateQuarantined, c.Why
	case *subscription:
		e.State, e.Reason = tables.StateQuarantined, c.Why
	case *aggregation:
		e.State, e.Reason = tables.StateQuarantined, c.Why
	default:
		return nil, fault(events.InvalidValue, "", "only routing rules, subscriptions and aggregations can be quarantined")
	}
	return e, nil
}

func (r *Rules) entry(kind, name string) (entry, bool) {
	if k, known := rowKinds()[kind]; known {
		return k.entry(r, name)
	}
	return nil, false
}

// decodeRow reads a row strictly: no unknown, repeated or differently cased
// member, and nothing after it.
func decodeRow(c events.Control) (e entry, name string, faults []events.Fault) {
	if k, known := rowKinds()[c.Kind]; known {
		return k.decode(c)
	}
	return nil, "", fault(events.InvalidValue, "", "there is no such kind of rows")
}

func strictly[T any](text string, into *T) []events.Fault {
	err := json.Unmarshal([]byte(text), into, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &semantic):
		return fault(InvalidJSON, "", "the row is not one JSON object without repeated members")
	case errors.Is(err, json.ErrUnknownName):
		return fault(UnknownField, parent(semantic.JSONPointer), "a row of this kind has no such member: take it out")
	}
	return fault(events.InvalidValue, string(semantic.JSONPointer), "the member has another type of value")
}

// parent is the pointer of the object that holds an unknown member: its name
// is the caller's text, and is not repeated.
func parent(p jsontext.Pointer) string { return string(p.Parent()) }

func fault(code, at, reason string) []events.Fault {
	return []events.Fault{{ReasonCode: code, At: at, Reason: reason}}
}

// faults gathers what is wrong with a row.
type faults []events.Fault

func (f *faults) add(code, at, reason string) {
	*f = append(*f, events.Fault{ReasonCode: code, At: at, Reason: reason})
}

func (f *faults) unless(ok bool, code, at, reason string) {
	if !ok {
		f.add(code, at, reason)
	}
}

func (f *faults) oneOf(at, value string, legal ...string) {
	f.unless(slices.Contains(legal, value), events.InvalidValue, at, "must be one of "+fmt.Sprint(legal))
}
