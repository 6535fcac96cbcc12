package deadletters

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/processors"
)

// Choice says which dead letters; all that is given must hold. There is no
// expression over payloads: how many it takes would tell what may not be seen.
type Choice struct {
	Reasons []string   `json:"reasons,omitempty" maxItems:"50" doc:"Any of these reason codes"`
	Since   *time.Time `json:"since,omitempty" doc:"Parked at or after"`
	Until   *time.Time `json:"until,omitempty" doc:"Parked before"`
	At      []string   `json:"at,omitempty" maxItems:"1000" doc:"These places: partition/offset" example:"[\"3/42\"]"`
	All     bool       `json:"all,omitempty" doc:"Every dead letter of the topic; needed where nothing else chooses"`
	DryRun  bool       `json:"dryRun,omitempty" doc:"Only count"`
	Why     string     `json:"why,omitempty" maxLength:"500" doc:"Reason, kept with what was done; a drop wants one"`
}

// Redrive says what goes back, and what is changed before.
type Redrive struct {
	Choice
	Patch json.RawMessage `json:"patch,omitempty" doc:"JSON merge patch (RFC 7396) of every payload that is chosen; the result is checked as at a door"`
}

type redriveInput struct {
	Topic string `path:"topic" maxLength:"249" doc:"The topic, with or without .dlq"`
	Body  Redrive
}

type dropInput struct {
	Topic string `path:"topic" maxLength:"249" doc:"The topic, with or without .dlq"`
	Body  Choice
}

type handledOutput struct{ Body kafka.Handled }

func (d *Door) redrive(ctx context.Context, in *redriveInput) (*handledOutput, error) {
	h := kafka.Handling{DLQ: kafka.DLQOf(in.Topic)}
	if len(in.Body.Patch) > 0 {
		mend, err := kafka.MergePatch(in.Body.Patch)
		if err != nil {
			return nil, invalid("/patch", "a JSON object")
		}
		h.Mend = mend
	}
	return d.handle(ctx, h, in.Body.Choice)
}

func (d *Door) drop(ctx context.Context, in *dropInput) (*handledOutput, error) {
	if in.Body.Why == "" && !in.Body.DryRun {
		return nil, invalid("/why", "dropping wants a reason")
	}
	return d.handle(ctx, kafka.Handling{DLQ: kafka.DLQOf(in.Topic), Drop: true}, in.Body)
}

func (d *Door) handle(ctx context.Context, h kafka.Handling, choice Choice) (*handledOutput, error) {
	f, err := choice.filter()
	if err != nil {
		return nil, err
	}
	act := events.AuditReceived{Act: "deadletter.redrive", Object: "topic", Name: h.DLQ, Why: choice.Why, Decision: events.AuditAllow}
	if h.Drop {
		act.Act = "deadletter.drop"
	}
	audit.Acts(ctx, act.Act, act.Object, act.Name, act.Why)
	c, done, err := d.who(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if !c.Scopes.Admin {
		return nil, access.Forbidden("dead letters are redriven and dropped by administrators")
	}
	if !choice.DryRun { // before it is done; the answer is written down too
		if p := audit.Write(ctx, act); p != nil {
			return nil, p
		}
	}
	h.Filter, h.DryRun, h.By, h.Why = f, choice.DryRun, c.Token, choice.Why
	out, err := d.Letters().Handle(ctx, h)
	if err != nil {
		return nil, d.problemOf(err)
	}
	return &handledOutput{out}, nil
}

func (c Choice) filter() (f processors.DeadLetterFilter, err error) {
	f.Reasons = c.Reasons
	if c.Since != nil {
		f.From = *c.Since
	}
	if c.Until != nil {
		f.To = *c.Until
	}
	for i, at := range c.At {
		p, err := placeOf(fmt.Sprintf("/at/%d", i), at)
		if err != nil {
			return f, err
		}
		if p == nil {
			return f, invalid(fmt.Sprintf("/at/%d", i), "partition/offset, as 3/42")
		}
		f.At = append(f.At, *p)
	}
	if !c.All && len(f.Reasons)+len(f.At) == 0 && c.Since == nil && c.Until == nil {
		return f, invalid("/all", "say which: reasons, since, until, at, or all")
	}
	return f, nil
}
