// This file answers: may a topic that was asked for be made, and who must do
// what next?

package processors

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// TopicRequests are the rules of topic requests.
type TopicRequests struct {
	Team         string                 // whose word counts: all may ask, it alone says what became of it
	AnswerWithin time.Duration          // of the request's time
	Reserved     func(name string) bool // names that are nobody's to ask for
}

// Codes of topic requests.
const (
	TopicNameReserved  = "TOPIC_NAME_RESERVED"
	TopicNameIllegal   = "TOPIC_NAME_ILLEGAL"
	RequestRepeated    = "REQUEST_REPEATED"
	RequestUnknown     = "REQUEST_UNKNOWN"
	AnswerUndecided    = "ANSWER_UNDECIDED"
	PublisherForeign   = "PUBLISHER_FOREIGN"
	AnswerLate         = "LATE"
	requestObject      = "topic-request"
	maxTopicPartitions = 48
)

// Fold folds one event of a request. A request is asked about once; its first
// answer in time counts, and only an approved one lets a topic be made.
func (p TopicRequests) Fold(row tables.TopicRequest, rec topology.Record[events.Envelope]) (tables.TopicRequest, []topology.Output) {
	e := rec.Body
	switch {
	case row.Has(e.ID):
		return row, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
	case e.Type == events.TypeTopicRequested:
		return p.requested(row, e)
	case e.Publisher != p.Team:
		return row, rejected(PublisherForeign, "/publisher", "another team's token published it")
	case !row.Known():
		return row, rejected(RequestUnknown, "/requestId", "nobody asked for a topic under this id")
	}
	step := tables.TopicRequestStep{ID: e.ID, EventType: string(e.Type), At: e.At}
	switch e.Type {
	case events.TypeApprovalAsked:
		row.AskedAt = e.At
		if row.Status == tables.RequestOpen {
			row.Status = tables.RequestAsked
		}
	case events.TypeApprovalAnswered:
		return p.answered(row, e, step)
	case events.TypeTopicCreated:
		if row.Status != tables.RequestApproved {
			return row, rejected(RequestUnknown, "", "nobody approved this request")
		}
		row.CreatedAt, row.Status = e.At, tables.RequestCreated
	case events.TypeApprovalMissed: // told by TimeOut
	default:
		return row, rejected(events.UnknownEventType, "/eventType", "not an event of topic requests")
	}
	return row.With(step), []topology.Output{audited(row, e.ID, e.Publisher, string(e.Type), e.At, "")}
}

func (p TopicRequests) requested(row tables.TopicRequest, e events.Envelope) (tables.TopicRequest, []topology.Output) {
	var asked events.TopicRequested
	if json.Unmarshal([]byte(e.Body), &asked) != nil {
		return row, rejected(events.InvalidValue, "", "the body is not a topic request")
	}
	if row.Known() {
		return row, rejected(RequestRepeated, "/requestId", "a request has this id already")
	}
	row = tables.TopicRequest{RequestID: string(e.Key), Status: tables.RequestOpen, TopicName: asked.TopicName, Partitions: asked.Partitions, RetentionHours: asked.RetentionHours,
		TransactionID: e.TransactionID, RequestedAt: e.At, DueAt: events.InstantOf(e.At.Time().Add(p.AnswerWithin))}
	step := tables.TopicRequestStep{ID: e.ID, EventType: string(e.Type), At: e.At}
	if row.Code = p.refusal(asked); row.Code != "" {
		row.Status, step.Note = tables.RequestRefused, row.Code
		return row.With(step), []topology.Output{audited(row, e.ID, e.Publisher, string(e.Type), e.At, row.Code)}
	}
	order := ordered(row, events.OrderAsk, e.Synthetic, e.At)
	order.RequestedBy, order.Why = asked.RequestedBy, asked.Why
	return row.With(step), []topology.Output{audited(row, e.ID, e.Publisher, string(e.Type), e.At, ""), because(e.ID, order)}
}

// refusal is why a topic is nobody's to have, "" where it may be asked for.
func (p TopicRequests) refusal(asked events.TopicRequested) string {
	switch {
	case !topology.LegalNewName(asked.TopicName) || asked.Partitions < 1 || asked.Partitions > maxTopicPartitions || asked.RetentionHours < 1:
		return TopicNameIllegal
	case internal(asked.TopicName) || p.Reserved != nil && p.Reserved(asked.TopicName):
		return TopicNameReserved
	}
	return ""
}

// internal says whether a name looks like one that the mediator and its groups
// give.
func internal(name string) bool {
	starts := func(s string) bool { return strings.HasPrefix(name+".", s) }
	ends := func(s string) bool { return strings.HasSuffix(name, s) }
	return slices.ContainsFunc([]string{tables.ConsumerTopicPrefix, "mediator.", "audit.", "payerflow.", "kaas."}, starts) ||
		slices.ContainsFunc([]string{".dlq", "-table", "-ticks", "-repartition", "-loop"}, ends)
}

func (p TopicRequests) answered(row tables.TopicRequest, e events.Envelope, step tables.TopicRequestStep) (tables.TopicRequest, []topology.Output) {
	yes, no := slices.Contains(e.Tags, events.TagApproved), slices.Contains(e.Tags, events.TagUnapproved)
	if yes == no {
		return row, rejected(AnswerUndecided, "/tags", "an answer is tagged approved or unapproved")
	}
	if !row.Open() || e.At > row.DueAt {
		step.Note = AnswerLate
		return row.With(step), []topology.Output{audited(row, e.ID, e.Publisher, string(e.Type), e.At, AnswerLate)}
	}
	row.AnsweredAt, row.Status, step.Note = e.At, tables.RequestRejected, events.TagUnapproved
	if !yes {
		return row.With(step), []topology.Output{audited(row, e.ID, e.Publisher, string(e.Type), e.At, "")}
	}
	row.Status, step.Note = tables.RequestApproved, events.TagApproved
	return row.With(step), []topology.Output{audited(row, e.ID, e.Publisher, string(e.Type), e.At, ""),
		because(e.ID, ordered(row, events.OrderCreate, e.Synthetic, e.At))}
}

// TimeOut ends a request that nobody has answered.
func (p TopicRequests) TimeOut(row tables.TopicRequest, w topology.Waking) (tables.TopicRequest, []topology.Output) {
	row.Status, row.TimedOutAt = tables.RequestTimedOut, row.DueAt
	cause := row.Steps[0].ID
	return row, []topology.Output{audited(row, "time-out-"+cause, "", "timed-out", events.InstantOf(w.Clock), ""),
		because(cause, ordered(row, events.OrderExpire, w.Synthetic, events.InstantOf(w.Clock)))}
}

func ordered(row tables.TopicRequest, act string, synthetic bool, at events.Instant) events.TopicOrdered {
	return events.TopicOrdered{Act: act, RequestID: row.RequestID, TopicName: row.TopicName, Partitions: row.Partitions, RetentionHours: row.RetentionHours,
		DueAt: row.DueAt, TransactionID: row.TransactionID, Synthetic: synthetic, At: at}
}

// because is an order as an output. Its identity follows from the event that
// caused it, and is that of the event that tells of its being done.
func because(cause string, o events.TopicOrdered) topology.Output {
	id := topology.UUIDv5(requestObject+"."+o.Act, o.RequestID, []byte(cause))
	return topology.Output{Key: o.RequestID, Value: o, Headers: []topology.Header{{Key: topology.HeaderID, Value: []byte(id)}}}
}

// audited is the record of one step: what the request was to be, and is now.
func audited(row tables.TopicRequest, id, team, act string, at events.Instant, denied string) topology.Output {
	after, _ := json.Marshal(map[string]any{"status": row.Status, "topicName": row.TopicName, "partitions": row.Partitions}) // texts and numbers always marshal
	a := events.AuditReceived{ID: requestObject + "-" + id, At: at, Actor: team, Team: team, Act: requestObject + "." + act, Object: requestObject, Name: row.RequestID,
		Decision: events.AuditAllow, Code: denied, After: string(after)}
	if denied != "" {
		a.Decision = events.AuditDeny
	}
	return topology.Output{Key: a.ID, Value: a}
}
