package verify

import (
	"context"
	"math"
	"strings"
	"time"

	"payerflow/codecs"
	"payerflow/tables"
)

// listModel makes the entries of a list of claims out of the same facts.
type listModel struct {
	*claimModel
	owner func(tables.ClaimStatus) string
	entry func(tables.ClaimEntry) any
	read  func([]byte) (any, error)
}

// ClaimsByMember and ClaimsByProvider check the lists of claims: their tables
// against the log of the claims.
func (l *Log) ClaimsByMember(ctx context.Context, v View, t ClaimTopics, wait time.Duration) (*Check, error) {
	return listed(ctx, l, v, t, wait, func(c tables.ClaimStatus) string { return string(c.MemberID) },
		func(e tables.ClaimEntry) tables.ClaimByMember { return tables.ClaimByMember{ClaimEntry: e} })
}

// ClaimsByProvider is the same by provider.
func (l *Log) ClaimsByProvider(ctx context.Context, v View, t ClaimTopics, wait time.Duration) (*Check, error) {
	return listed(ctx, l, v, t, wait, func(c tables.ClaimStatus) string { return string(c.ProviderID) },
		func(e tables.ClaimEntry) tables.ClaimByProvider { return tables.ClaimByProvider{ClaimEntry: e} })
}

func listed[E any](ctx context.Context, l *Log, v View, t ClaimTopics, wait time.Duration, owner func(tables.ClaimStatus) string, entry func(tables.ClaimEntry) E) (*Check, error) {
	read, _, err := decoder(codecs.NewAvro[E](v.Table, rowBytes), l.Schemas, v.Table)
	if err != nil {
		return nil, err
	}
	m := &listModel{&claimModel{l: l, topics: t}, owner, func(e tables.ClaimEntry) any { return entry(e) }, func(b []byte) (any, error) { return read(b) }}
	return l.rows(ctx, v, m, nil, wait)
}

// under stands between the key of a list and the place in it.
const under = "\x1f"

func (m *listModel) rows(each func(string, any)) {
	m.claimModel.rows(func(key string, row any) {
		c := row.(tables.ClaimStatus)
		owner := m.owner(c)
		if owner == "" {
			return // nobody's list
		}
		if strings.HasPrefix(key, syntheticMark) {
			owner = syntheticMark + owner
		}
		place := uint32(0) // whose date of service nobody knows comes first, then the newest
		if c.ServiceDate != nil {
			place = uint32(math.MaxInt32 - int64(*c.ServiceDate))
		}
		each(owner+under+f("@%08x%s", place, string(c.ClaimID)), m.entry(entryOf(c)))
	})
}

func entryOf(c tables.ClaimStatus) tables.ClaimEntry {
	e := tables.ClaimEntry{ClaimID: c.ClaimID, MemberID: c.MemberID, ProviderID: c.ProviderID, Status: c.Status, StatusAt: c.StatusAt, ServiceDate: c.ServiceDate,
		ClaimType: c.ClaimType, PatientControlNumber: c.PatientControlNumber, Billed: c.Billed, Payable: c.Payable, Paid: c.Paid,
		MemberResponsibility: c.MemberResponsibility, DenialCode: c.DenialCode, AppealState: c.AppealState, AppealOutcome: c.AppealOutcome,
		PriorAuthState: c.PriorAuthState, Marked: len(c.Marks) > 0}
	for _, f := range c.History {
		e.LatestAt = max(e.LatestAt, f.At)
	}
	return e
}

func (m *listModel) decode(b []byte) (any, error) {
	if b == nil {
		return nil, nil
	}
	return m.read(b)
}

// home of an entry is its claim.
func (m *listModel) home(key string) string {
	owner, place, listed := strings.Cut(key, under)
	if !listed || len(place) < 9 {
		return key
	}
	if strings.HasPrefix(owner, syntheticMark) {
		return syntheticMark + place[9:]
	}
	return place[9:]
}
