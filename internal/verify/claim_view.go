package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"payerflow/codecs"
	"payerflow/tables"
)

const rowBytes = 2<<20 - 64<<10

// claimModel makes the rows of claim-status.
type claimModel struct {
	l      *Log
	topics ClaimTopics
	read   func([]byte) (tables.ClaimStatus, error)
	facts  claims
	since  claims
	into   *claims
}

// Claims checks claim-status.
func (l *Log) Claims(ctx context.Context, v View, t ClaimTopics, http *Answers, wait time.Duration) (*Check, error) {
	read, _, err := decoder(codecs.NewAvro[tables.ClaimStatus](v.Table, rowBytes), l.Schemas, v.Table)
	if err != nil {
		return nil, err
	}
	return l.rows(ctx, v, &claimModel{l: l, topics: t, read: read}, http, wait)
}

func (m *claimModel) sources(wants func(string) bool) ([]source, error) {
	return m.l.claimSources(m.topics, wants, func() claims { return *m.into })
}

func (m *claimModel) begin() { m.facts, m.since, m.into = claims{}, claims{}, &m.facts }
func (m *claimModel) tail()  { m.into = &m.since }

func (m *claimModel) moving() (keys []string) {
	for key := range m.since {
		keys = append(keys, key)
	}
	return keys
}

func (m *claimModel) rows(each func(string, any)) {
	for key, one := range m.facts {
		if row, made := one.row(strings.TrimPrefix(key, syntheticMark)); made {
			each(key, row)
		}
		delete(m.facts, key)
	}
}

func (m *claimModel) decode(b []byte) (any, error) {
	if b == nil {
		return nil, nil
	}
	row, err := m.read(b)
	if err != nil {
		return nil, fmt.Errorf("row of the table: %w", err)
	}
	return row, nil
}

func (m *claimModel) home(key string) string { return key }

// ClaimRow is what must be known of a claim of which these are the facts, in
// any order, and what it was told last by prior authorization and by member;
// false where there are no facts.
func ClaimRow(key string, facts []tables.ClaimFact, auths map[string]*tables.PriorAuth, graces map[string][]tables.ClaimGraceSpan) (tables.ClaimStatus, bool) {
	c := claim{facts: facts, auths: auths, graces: graces}
	return c.row(key)
}

// Differ names the fields in which two rows of one type differ.
func Differ(want, have any) []string { return fieldsThatDiffer(want, have) }
