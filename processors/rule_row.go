// This file answers: what does a row of the mediator's rules say, and who
// changed it when and why?

package processors

import (
	"github.com/go-json-experiment/json"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldControl keeps the last state of one row as control events of that row
// left it. A change of a version that the row has had, or whose row cannot be
// read, changes nothing, as in Rules; what a row says about others is for
// Rules alone to judge. What a proposal changed is in the proposal's row.
func FoldControl(row tables.RuleRow, rec topology.Record[events.Control]) (tables.RuleRow, []topology.Output) {
	c := rec.Body
	if c.Version < row.Next() { // a higher one follows what a proposal changed
		return row, nil
	}
	switch c.Act {
	case events.ControlPut:
		text, ok := shown(c)
		if !ok {
			return row, nil
		}
		return row.With(rec.ID(), c, text), nil
	case events.ControlDelete, events.ControlQuarantine:
		if row.Version == 0 || row.Act == events.ControlDelete || c.Row != "" {
			return row, nil
		}
		text := row.Row
		if c.Act == events.ControlDelete {
			text = ""
		}
		return row.With(rec.ID(), c, text), nil
	case events.ControlApprove, events.ControlReject, events.ControlWithdraw, events.ControlApply, events.ControlExpire:
		if row.Version > 0 && row.Act != events.ControlDelete {
			return row.With(rec.ID(), c, row.Row), nil
		}
	}
	return row, nil
}

// shown is the row's JSON as readers of the table see it: a token without its
// hash, everything else as it was written.
func shown(c events.Control) (string, bool) {
	e, name, faults := decodeRow(c)
	if len(faults) > 0 || name != c.Name {
		return "", false
	}
	t, secret := e.(*token)
	if !secret {
		return c.Row, true
	}
	t.Hash = ""
	text, err := json.Marshal(t.Token)
	return string(text), err == nil
}
