package verify

import (
	"encoding/json"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"payerflow/events"
)

// judge asks conditions of routing rules, without the types that the router
// knows of a body. Where that makes a difference it does not judge.
type judge struct {
	env      *cel.Env
	programs map[string]cel.Program // nil: it does not compile so
}

func newJudge() (*judge, error) {
	env, err := cel.NewEnv(cel.Variable("event", cel.DynType), cel.Variable("tags", cel.ListType(cel.StringType)), cel.Variable("body", cel.DynType),
		cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true))
	return &judge{env, map[string]cel.Program{}}, err
}

// maxCost bounds a condition as the router does, so that one that is costly
// there is not judged here.
const maxCost = 1_000_000

// holds says whether a condition holds for an event, and whether that is sure.
func (j *judge) holds(condition string, e events.Envelope, r *rules, team string) (holds, sure bool) {
	if condition == "" {
		return true, true
	}
	if looksAtHidden(condition, e, r, team) {
		return false, false
	}
	p, known := j.programs[condition]
	if !known {
		if ast, issues := j.env.Compile(condition); issues.Err() == nil {
			p, _ = j.env.Program(ast, cel.CostLimit(maxCost))
		}
		j.programs[condition] = p
	}
	if p == nil {
		return false, false
	}
	var body any
	if json.Unmarshal([]byte(e.Body), &body) != nil {
		return false, false
	}
	out, _, err := p.Eval(map[string]any{"event": metadata(e), "tags": e.Tags, "body": body})
	if err != nil {
		return false, false
	}
	holds, sure = out.Value().(bool)
	return holds, sure
}

// looksAtHidden says whether a condition may name what its team may not see:
// such a rule sends nothing.
func looksAtHidden(condition string, e events.Envelope, r *rules, team string) bool {
	sees := r.sees(team, string(e.Type))
	for _, line := range r.types[string(e.Type)].Fields {
		name := line.Pointer[strings.LastIndexByte(line.Pointer, '/')+1:]
		if !sees[line.Class] && name != "*" && strings.Contains(condition, name) {
			return true
		}
	}
	return !sees["PII"] && strings.Contains(condition, "userId")
}

func metadata(e events.Envelope) map[string]any {
	var subject any
	if e.EventSubject != nil {
		subject = string(*e.EventSubject)
	}
	at := func(i events.Instant) time.Time { return i.Time().UTC() }
	return map[string]any{"id": e.ID, "eventType": string(e.Type), "typeVersion": int64(e.TypeVersion), "key": string(e.Key), "transactionId": e.TransactionID,
		"userId": string(e.UserID), "transactionType": e.TransactionType, "sourceSystem": e.SourceSystem, "publisher": e.Publisher, "synthetic": e.Synthetic,
		"time": at(e.At), "receivedAt": at(e.ReceivedAt), "subject": subject, "extensions": e.Extensions}
}
