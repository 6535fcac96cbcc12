package intake

import (
	"cmp"

	"payerflow/events"
)

// attribute is one piece of an event's metadata, whatever a door calls it.
type attribute int

const (
	attrID attribute = iota
	attrType
	attrNoun
	attrVerb
	attrObject
	attrSubobject
	attrSubject
	attrTransactionID
	attrUserID
	attrTime
	attrTransactionType
	attrSourceSystem
	attrSynthetic
	attrTags
	attributes
)

// form is how one door writes events down.
type form struct {
	names    [attributes]string // where each attribute stands, as a pointer; "" where the form has none
	ext      string             // what stands before the name of an extension
	body     string             // where the body stands
	required []attribute        // beside the type and synthetic, which every form needs
	nowIfNot bool               // an event without time happened when it came in
}

// candidate is an event as a door read it, before any rule was asked: what it
// says, where it says it, and what is wrong with how it says it.
type candidate struct {
	form       *form
	said       [attributes]string // "" is the same as absent
	at         [attributes]string // where it was said, "" for the form's own place
	tags       []string
	extensions map[string]string
	body       []byte           // a JSON object
	bodyAt     string           // "" for the form's own place
	deprecated bool             // the type is: accept says so
	key        string           // from Idempotency-Key, and "" where there was none
	wrong      [attributes]bool // said, but not as it must be: a fault says so
	faults     []events.Fault
	official   func() []events.Fault // what another reader of the form finds; nil where there is none
	broken     bool                  // could not be read at all: the faults say why
}

// where is the pointer of an attribute.
func (c *candidate) where(a attribute) string {
	if c.at[a] != "" {
		return c.at[a]
	}
	return c.form.names[a]
}

// inBody is the pointer of something in the body.
func (c *candidate) inBody(at string) string {
	if c.bodyAt != "" {
		return c.bodyAt + at
	}
	return c.form.body + at
}

func (c *candidate) fault(code, at, reason string) {
	c.faults = append(c.faults, events.Fault{ReasonCode: code, At: at, Reason: reason})
}

// mistake notes that an attribute is there and is not what it must be.
func (c *candidate) mistake(a attribute, at, reason string) {
	c.wrong[a], c.at[a] = true, at
	c.fault(events.InvalidValue, at, cmp.Or(reason, "must be a text"))
}

// say notes an attribute; two spellings of one attribute are a fault.
func (c *candidate) say(a attribute, at, text string) {
	if c.at[a] != "" {
		c.fault(duplicateName, at, "another spelling of this name is there too; send one of them")
		return
	}
	c.said[a], c.at[a] = text, at
}
