package stage

import (
	"encoding/json"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// Put writes the next version of a row into the control log; nil takes the row
// away. It is for rows that nothing else writes.
func (s *Stage) Put(kind, name string, row any) {
	s.Helper()
	s.versions[kind+name]++
	e := events.Control{Kind: kind, Name: name, Version: s.versions[kind+name], Act: events.ControlDelete, By: "test", At: events.InstantOf(time.Now())}
	if row != nil {
		text, err := json.Marshal(row)
		Must(s, err)
		e.Act, e.Row = events.ControlPut, string(text)
	}
	o, err := s.Control.Change(s.Context(), e)
	Must(s, err)
	if !o.Applied {
		s.Fatalf("%s %s refused: %+v", kind, name, o.Faults)
	}
}

// Token writes a token of a team, valid for an hour.
func (s *Stage) Token(team string, scopes tables.Scopes) (id, text string) {
	s.Helper()
	row, text := s.Keys.Mint(tables.Token{Team: team, Scopes: scopes, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	s.Put(tables.KindToken, row.ID, row)
	return row.ID, text
}

// Revoke ends a token.
func (s *Stage) Revoke(id string) {
	s.Helper()
	r, err := s.Control.Rules()
	Must(s, err)
	row, _ := r.Token(id)
	row.Revoked = true
	s.Put(tables.KindToken, id, row)
}
