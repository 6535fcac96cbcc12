package tables

import (
	"strings"
	"time"

	"payerflow/events"
)

// What becomes of claims for services on a day in a grace period.
const (
	ClaimsPaid     = "PAID"     // they are paid as any other
	ClaimsPendable = "PENDABLE" // they may be held back until the premiums are paid
	ClaimsExpired  = "EXPIRED"  // the premiums were not paid: coverage ended before that day
)

// PendedOn says whether claims for services on a day may be held back, as
// things stand.
func (g GracePeriods) PendedOn(day events.Date) bool { return g.Pends().On(day) == ClaimsPendable }

// MemberGrace is what claims have to know about a member's grace periods:
// spans of days of service, in order. A member who is in none, or has cured
// all, has no spans.
type MemberGrace struct {
	MemberID events.ID `avro:"memberId" json:"memberId"`
	// Spans are from/to/what, with spaces between them. Days of service in
	// none are not concerned.
	Spans events.Text `avro:"spans" json:"spans"`
}

// GraceSpan is a run of days of service, To included.
type GraceSpan struct {
	From, To events.Date
	Claims   string // ClaimsPaid, ClaimsPendable or ClaimsExpired
}

// EventType names what follows from a row.
func (m MemberGrace) EventType() string { return "MEMBER_GRACE" }

// Subject is the member.
func (m MemberGrace) Subject() string { return string(m.MemberID) }

// OccurredAt is nowhere: the record's time stamp counts.
func (m MemberGrace) OccurredAt() time.Time { return time.Time{} }

// Validate finds nothing wrong.
func (m MemberGrace) Validate() error { return nil }

// Stamped says that the record's time stamp is the event time.
func (m MemberGrace) Stamped() {}

// Suffix is empty: there is one for each member.
func (m MemberGrace) Suffix() string { return "" }

// Removed is a member without any.
func (m MemberGrace) Removed() MemberGrace { return MemberGrace{MemberID: m.MemberID} }

// All are the spans in order.
func (m MemberGrace) All() (out []GraceSpan) {
	for text := range strings.FieldsSeq(string(m.Spans)) {
		parts := strings.Split(text, "/")
		var s GraceSpan
		if len(parts) != 3 || s.From.UnmarshalText([]byte(parts[0])) != nil || s.To.UnmarshalText([]byte(parts[1])) != nil {
			continue
		}
		s.Claims = parts[2]
		out = append(out, s)
	}
	return out
}

// On is what becomes of claims for services on a day, "" where no grace
// period concerns them.
func (m MemberGrace) On(day events.Date) string {
	for _, s := range m.All() {
		if s.From <= day && day <= s.To {
			return s.Claims
		}
	}
	return ""
}

// Pends is what claims have to know of the row.
func (g GracePeriods) Pends() MemberGrace {
	var spans []string
	add := func(from, to events.Date, claims string) {
		if from <= to {
			spans = append(spans, from.String()+"/"+to.String()+"/"+claims)
		}
	}
	for _, p := range g.Graces {
		if p.CuredOn != nil {
			continue
		}
		last := p.Through
		if p.TerminatedOn != nil {
			last = min(last, *p.TerminatedOn)
		}
		paid := last
		if p.PaysThrough != nil {
			paid = min(last, *p.PaysThrough)
		}
		add(p.From, paid, ClaimsPaid)
		if p.Expired {
			add(paid+1, last, ClaimsExpired)
		} else {
			add(paid+1, last, ClaimsPendable)
		}
	}
	return MemberGrace{g.MemberID, events.Text(strings.Join(spans, " "))}
}
