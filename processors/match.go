// This file answers: what does an aggregation get of an event that matches it?

package processors

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// Reason codes of events that an aggregation cannot use.
const (
	NoKey       = "NO_KEY"       // the event has not what it is put together by
	NotANumber  = "NOT_A_NUMBER" // a value that is there is no decimal number
	maxGroup    = 256            // bytes of a key; a longer one is hashed
	maxKeyTags  = 8
	maxRawValue = 256
)

// match is a step of an aggregation in force.
type match struct {
	aggregation tables.Aggregation
	version     int32
	step        int
	plan        events.AggregationPlan
	of          [][]string // paths of the values
	key         []string   // path of the key, where it is one
}

// Match is a step that an event matched, and what its team sees.
type Match struct {
	match *match
	mask  *Mask
}

func (r *Rules) match(a tables.Aggregation, step int) *match {
	m := &match{aggregation: a, version: r.Version(tables.KindAggregation, a.ID()), step: step}
	if out := r.types[a.Output].value; out != nil {
		m.plan = a.Plan(out.Version)
		m.plan.Classes = r.classesIn(a)
	}
	if strings.HasPrefix(a.Key, "/") {
		m.key, _ = steps(a.Key)
	}
	for _, v := range a.Values {
		path, _ := steps(v.Of)
		m.of = append(m.of, path)
	}
	return m
}

// emits says whether an output comes from what is in force: name@version, of
// the team that it says it is from.
func (r *Rules) emits(text string, e events.Envelope) bool {
	id, version, _ := strings.Cut(text, "@")
	a, ok := r.aggregations[id]
	return ok && a.value.State == tables.StateActive && strconv.Itoa(int(a.version)) == version && a.value.Team == e.Publisher && a.value.Output == string(e.Type)
}

// matchedOf are the facts for aggregations, each taken out of the copy that its
// team may see.
func matchedOf(e events.Envelope, matches []Match, at events.Instant) (out []topology.Output, err error) {
	copies := map[string]events.Envelope{}
	for _, m := range matches {
		c, made := copies[m.mask.ID()]
		if !made {
			if c, err = m.mask.Envelope(e); err != nil {
				return nil, err
			}
			if m.mask.metadata["id"] != tables.ClassPublic {
				id, err := m.mask.hashed(m.mask.metadata["id"], events.ID(c.ID))
				if err != nil {
					return nil, err
				}
				c.ID = string(id)
			}
			copies[m.mask.ID()] = c
		}
		for _, fact := range m.facts(c) {
			fact.MatchedAt = at
			out = append(out, topology.Output{Key: string(fact.Key), Value: fact, Headers: []topology.Header{{Key: "ce_transactionid", Value: []byte(fact.TransactionID)}}})
		}
	}
	return out, nil
}

// facts are what an aggregation gets of a copy: one fact for each key.
func (m Match) facts(c events.Envelope) (out []events.AggregationMatched) {
	a := m.match.aggregation
	fact := events.AggregationMatched{Aggregation: a.ID(), Version: m.match.version, Plan: m.match.plan, Step: int32(m.match.step), ID: c.ID, At: c.At, Values: []events.Text{}, Tags: []string{}}
	if m.mask.metadata["tags"] == tables.ClassPublic {
		fact.Tags = c.Tags
	}
	if m.mask.metadata["transactionId"] == tables.ClassPublic {
		fact.TransactionID = c.TransactionID
	}
	for i, path := range m.match.of {
		text, ok := valueOf(c.Body, path, a.Values[i].Do)
		if !ok {
			fact.Fault, fact.Values = NotANumber, []events.Text{}
			break
		}
		fact.Values = append(fact.Values, text)
	}
	groups := m.groups(c)
	if len(groups) == 0 && fact.Fault == "" {
		fact.Fault = NoKey
	}
	if fact.Fault != "" {
		fact.Key = events.AggregationKey(fact.Aggregation, fact.Version, "")
		return append(out, fact)
	}
	for _, g := range groups {
		fact.Group, fact.Key = g, events.AggregationKey(fact.Aggregation, fact.Version, g)
		out = append(out, fact)
	}
	return out
}

// groups are the keys that an event has: none, one, or with tags several.
func (m Match) groups(c events.Envelope) (out []events.ID) {
	key := m.match.aggregation.Key
	if prefix, tag := strings.CutPrefix(key, tables.TagKey); tag {
		for _, t := range c.Tags {
			if strings.HasPrefix(t, prefix) && len(out) < maxKeyTags {
				out = append(out, groupOf(t))
			}
		}
		return out
	}
	text := ""
	switch {
	case m.match.key != nil && m.mask.reads(m.match.key):
		raw, _ := scalarAt(c.Body, m.match.key)
		text = plainText(raw)
	case m.match.key != nil, key == "key":
		text = string(c.Key)
	case key == "subject" && c.EventSubject != nil:
		text = string(*c.EventSubject)
	case key == "transactionId":
		text = c.TransactionID
	case key == "transactionType":
		text = c.TransactionType
	case key == "sourceSystem":
		text = c.SourceSystem
	case key == "userId":
		text = string(c.UserID)
	}
	if text == "" {
		return nil
	}
	return []events.ID{groupOf(text)}
}

// groupOf makes a text part of a record's key: one that could not be is hashed.
func groupOf(text string) events.ID {
	if len(text) <= maxGroup && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) && !strings.HasPrefix(text, "__") {
		return events.ID(text)
	}
	sum := sha256.Sum256([]byte(text))
	return events.ID("sha256:" + hex.EncodeToString(sum[:]))
}
