// This file answers: which grace policy is in force for a plan on a day?

package processors

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// GracePolicies are the grace policies at one version of the rules. To the
// group that follows grace periods it is what it is pinned to.
type GracePolicies struct {
	byPlan map[string][]tables.GracePolicy // by effective day
	offset int64
	hash   string
}

// NewGracePolicies are policies as they stand at an offset of the control log.
func NewGracePolicies(all []tables.GracePolicy, offset int64) GracePolicies {
	p := GracePolicies{byPlan: map[string][]tables.GracePolicy{}, offset: offset}
	for _, one := range all {
		p.byPlan[one.Plan] = append(p.byPlan[one.Plan], one)
	}
	for _, of := range p.byPlan {
		slices.SortFunc(of, func(a, b tables.GracePolicy) int { return int(a.Effective - b.Effective) })
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b tables.GracePolicy) int { return strings.Compare(a.ID(), b.ID()) })
	text, _ := json.Marshal(all, json.Deterministic(true)) // of texts and numbers
	sum := sha256.Sum256(text)
	p.hash = hex.EncodeToString(sum[:])
	return p
}

// For is the policy of a plan for a premium that is overdue from a day on: the
// plan's own, else that of any plan, else the default.
func (p GracePolicies) For(plan events.ID, day events.Date) tables.GracePolicy {
	for _, of := range []string{string(plan), tables.AnyPlan} {
		if found, ok := inForceOn(p.byPlan[of], day); ok {
			return found
		}
	}
	return tables.DefaultGracePolicy
}

func inForceOn(of []tables.GracePolicy, day events.Date) (tables.GracePolicy, bool) {
	for _, one := range slices.Backward(of) {
		if one.Effective <= day {
			return one, true
		}
	}
	return tables.GracePolicy{}, false
}

// Mark writes nothing: rows say which policy they went by.
func (p GracePolicies) Mark(string, []topology.Range) topology.Output { return topology.Output{} }

// Version is the next offset of mediator.control.
func (p GracePolicies) Version() int64 { return p.offset }

// Hash is of the policies alone.
func (p GracePolicies) Hash() string { return p.hash }
