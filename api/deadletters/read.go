package deadletters

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/processors"
)

// Topics are dead letter topics with what waits in them.
type Topics struct {
	Topics []kafka.DLQ `json:"topics" doc:"In name order; those without a dead letter too"`
}

func (d *Door) list(ctx context.Context, _ *struct{}) (*struct{ Body Topics }, error) {
	c, done, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	out := &struct{ Body Topics }{Topics{[]kafka.DLQ{}}}
	letters := d.Letters()
	names, err := letters.Topics(ctx)
	if err != nil {
		return nil, d.problemOf(err)
	}
	names = slices.DeleteFunc(names, func(dlq string) bool { return !c.sees(dlq) })
	if len(names) == 0 { // asked for none, the reader would count all
		return out, nil
	}
	if out.Body.Topics, err = letters.List(ctx, time.Now(), names...); err != nil {
		return nil, d.problemOf(err)
	}
	return out, nil
}

type pageInput struct {
	Topic  string   `path:"topic" maxLength:"249" doc:"The topic, with or without .dlq"`
	After  string   `query:"after" maxLength:"40" doc:"Begin behind this place: next of the page before" example:"3/42"`
	Limit  int      `query:"limit" default:"20" minimum:"1" maximum:"200" doc:"Most dead letters of a page"`
	Reason []string `query:"reason" maxItems:"50" doc:"Reason codes, separated by commas: any of them"`
	All    bool     `query:"all" doc:"Also what was redriven or dropped"`
}

// Letter is one dead letter, as the caller may see it.
type Letter struct {
	Partition int32                    `json:"partition" doc:"Where it lies in the dead letter topic"`
	Offset    int64                    `json:"offset"`
	State     string                   `json:"state" enum:"WAITING,REDRIVEN,DROPPED"`
	Metadata  kafka.DeadLetterMetadata `json:"dlqMetadata"`
	Key       string                   `json:"originalKey,omitempty" doc:"The record's key, or a keyed hash where it may not be seen; absent where it cannot be told what it is"`
	Payload   json.RawMessage          `json:"originalPayload" doc:"Redacted; null where nothing of it may be seen"`
	Fault     string                   `json:"payloadFault,omitempty" doc:"Why the payload is null"`
}

// Page is a page of dead letters.
type Page struct {
	Topic   string   `json:"topic" doc:"The dead letter topic"`
	Letters []Letter `json:"letters" doc:"In the order of partition and offset"`
	Next    string   `json:"next,omitempty" doc:"Place behind which the next page begins"`
}

func (d *Door) page(ctx context.Context, in *pageInput) (*struct{ Body Page }, error) {
	dlq := kafka.DLQOf(in.Topic)
	after, err := placeOf("query.after", in.After)
	if err != nil {
		return nil, err
	}
	c, done, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := c.reads(dlq); err != nil {
		return nil, err
	}
	page, more, err := d.Letters().Page(ctx, dlq, after, processors.DeadLetterFilter{Reasons: in.Reason}, in.All, in.Limit)
	if err != nil {
		return nil, d.problemOf(err)
	}
	rules, err := d.Rules.Rules() // those of the moment in which it leaves
	if err != nil {
		return nil, access.Stale()
	}
	opened, reason := c.Opened()
	if len(opened) > 0 {
		audit.Breaks(ctx, reason)
	}
	mask := func(eventType string) *processors.Mask {
		if !c.MaySubscribe(eventType) {
			return nil
		}
		return rules.MaskWith(c.Team, c.Application, eventType, opened)
	}
	var keys []string
	out := Page{Topic: dlq, Letters: make([]Letter, 0, len(page))}
	for _, l := range page {
		l = l.Redacted(mask)
		out.Letters = append(out.Letters, Letter{l.At.Partition, l.At.Offset, l.State, l.Metadata, l.Key, l.Payload, l.Fault})
		if l.Key != "" {
			keys = append(keys, l.Key)
		}
	}
	audit.Shows(ctx, len(out.Letters), keys...)
	if more {
		last := page[len(page)-1].At
		out.Next = fmt.Sprintf("%d/%d", last.Partition, last.Offset)
	}
	return &struct{ Body Page }{out}, nil
}

// placeOf reads partition/offset; "" is no place.
func placeOf(at, text string) (*processors.Place, error) {
	if text == "" {
		return nil, nil
	}
	var p processors.Place
	if n, err := fmt.Sscanf(text, "%d/%d", &p.Partition, &p.Offset); n != 2 || err != nil || p.Partition < 0 || p.Offset < 0 ||
		text != fmt.Sprintf("%d/%d", p.Partition, p.Offset) {
		return nil, invalid(at, "partition/offset, as 3/42")
	}
	return &p, nil
}

func invalid(at, message string) error {
	p := problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "the request is not legal; see errors")
	p.Errors = []problem.Detail{{Pointer: at, Message: message}}
	return p
}
