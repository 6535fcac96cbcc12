package intake

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"payerflow/api/access"
	"payerflow/codecs"
	"payerflow/events"
	"payerflow/tables"
)

// Reason codes of the doors, beside those of events and codecs.
const (
	duplicateName = codecs.DuplicateName
	unknownField  = "UNKNOWN_FIELD"
	notPermitted  = "NOT_PERMITTED"
)

// maxFaults bounds an answer.
const maxFaults = 100

// Snapshot is what a door asks the rules.
type Snapshot interface {
	EventType(name string) (tables.EventType, bool)
}

// accept makes an envelope of a candidate, or says everything that is wrong
// with it, in the order of the pointers. A principal that may not publish the
// type is told nothing but that.
func accept(rules Snapshot, p access.Principal, c *candidate, now time.Time) (events.Envelope, []events.Fault) {
	if c.broken {
		return events.Envelope{}, c.faults
	}
	e := events.Envelope{ReceivedAt: events.InstantOf(now), Publisher: p.Team, Extensions: c.extensions, Body: events.Body(c.body)}
	e.Type = events.Type(c.eventType())
	if e.Type != "" && !p.MayPublish(string(e.Type)) {
		return e, []events.Fault{{ReasonCode: notPermitted, At: c.where(attrType), Reason: "the token's scopes do not let it publish this event type"}}
	}
	c.metadata(&e, now)
	row, known := tables.EventType{}, false
	if e.Type != "" {
		if row, known = rules.EventType(string(e.Type)); !known {
			c.fault(events.UnknownEventType, c.where(attrType), "no such event type is registered")
		}
	}
	if known {
		e.TypeVersion, c.deprecated = row.Version, row.State == tables.StateDeprecated
		c.checkParts(row)
		c.checkBody(&e, row)
	}
	if c.official != nil && len(c.faults) == 0 {
		c.faults = c.official()
	}
	c.identify(&e)
	slices.SortStableFunc(c.faults, func(a, b events.Fault) int { return cmp.Compare(a.At, b.At) })
	return e, c.faults[:min(maxFaults, len(c.faults))]
}

// bodyTypeNames are the members of a body that name its type.
var bodyTypeNames = []string{"Event Type", "eventType"}

// eventType is the type by its parts, by its name, or by the body's own word.
// Where several say it they must agree: else it would be one type for those
// who route and redact it, and another for those who read it.
func (c *candidate) eventType() string {
	name, incomplete := c.joined()
	if said := c.said[attrType]; said != "" {
		if name != "" && name != said {
			c.fault(events.InvalidValue, c.where(attrType), "is not noun, verb, object and subobject joined with hyphens")
		}
		name = said
	}
	body, _ := split(c.body)
	for _, m := range body {
		if !slices.Contains(bodyTypeNames, m.name) {
			continue
		}
		said, _ := scalar(m.raw)
		switch at := c.inBody("/" + m.name); {
		case said == "":
		case name == "":
			name, c.at[attrType] = said, at
		case name != said:
			c.fault(events.InvalidValue, at, "the body names another event type than the metadata")
		}
	}
	if name == "" && !incomplete && !c.wrong[attrType] {
		c.fault(events.MissingField, c.where(attrType), "the event has no type: give noun, verb and object, or the type's name")
	}
	return name
}

// joined are the parts of the type, joined; "" where some are missing.
func (c *candidate) joined() (name string, incomplete bool) {
	parts := c.parts()
	if len(parts) == 0 {
		return "", false
	}
	for _, a := range []attribute{attrNoun, attrVerb, attrObject} {
		if c.said[a] == "" {
			incomplete = true
			c.fault(events.MissingField, c.where(a), "a type in parts has a noun, a verb and an object")
		}
	}
	if incomplete {
		return "", true
	}
	return strings.Join(parts, "-"), false
}

func (c *candidate) parts() (parts []string) {
	for _, a := range []attribute{attrNoun, attrVerb, attrObject, attrSubobject} {
		if c.said[a] != "" {
			parts = append(parts, c.said[a])
		}
	}
	return parts
}

// checkParts holds the parts to those of the registered type: other parts may
// join to the same name.
func (c *candidate) checkParts(row tables.EventType) {
	if parts := c.parts(); len(parts) > 0 && !slices.Equal(parts, row.Parts) {
		c.fault(events.InvalidValue, c.where(attrNoun), "the registered type has other parts")
	}
}

// checkBody holds the body to the type's schema, and takes the key out of it.
func (c *candidate) checkBody(e *events.Envelope, row tables.EventType) {
	body, faults := codecs.CheckBodyWith(row.Schema, c.body)
	for _, f := range faults {
		c.fault(f.ReasonCode, c.inBody(f.At), f.Reason)
	}
	if body != nil {
		e.Key = events.ID(c.keyIn(body, row.KeyField))
	}
}
