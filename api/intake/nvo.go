package intake

import (
	"slices"
	"strconv"

	"payerflow/codecs"
	"payerflow/events"
)

// The noun-verb-object form is an object of metadata and body, both with the
// spaced names of the source or with camelCase ones.
var spaced, camel = nvoForm("/Metadata", "/Event Body", 0), nvoForm("/metadata", "/eventBody", 1)

// nvoNames are both spellings of each attribute.
var nvoNames = [attributes][2]string{
	attrID:              {"Event ID", "eventId"},
	attrType:            {"Event Type", "eventType"},
	attrNoun:            {"Noun", "noun"},
	attrVerb:            {"Verb", "verb"},
	attrObject:          {"Object", "object"},
	attrSubobject:       {"Subobject", "subobject"},
	attrSubject:         {"Subject", "subject"},
	attrTransactionID:   {"Transaction ID", "transactionId"},
	attrUserID:          {"User ID", "userId"},
	attrTime:            {"Time Stamp", "timeStamp"},
	attrTransactionType: {"Transaction Type", "transactionType"},
	attrSourceSystem:    {"Source System", "sourceSystem"},
	attrSynthetic:       {"Synthetic", "synthetic"},
	attrTags:            {"Tags", "tags"},
}

var nvoAttributes = func() map[string]attribute {
	m := map[string]attribute{}
	for a, names := range nvoNames {
		m[names[0]], m[names[1]] = attribute(a), attribute(a)
	}
	return m
}()

func nvoForm(metadata, body string, spelling int) *form {
	f := &form{body: body, required: []attribute{attrTransactionID, attrTime, attrSourceSystem}}
	for a, names := range nvoNames {
		f.names[a] = metadata + "/" + names[spelling]
	}
	return f
}

// readNVO reads one event of the noun-verb-object form.
func readNVO(doc []byte) *candidate {
	c := &candidate{form: spaced}
	members, ok := split(doc)
	if !ok {
		return c.breakOff("an event is one JSON object of metadata and body, in UTF-8")
	}
	if slices.ContainsFunc(members, func(m member) bool { return m.name == "metadata" }) {
		c.form = camel
	}
	c.twice("/", members)
	metadata := false
	for _, m := range members {
		at := "/" + shown(m.name)
		switch m.name {
		case "Metadata", "metadata":
			metadata = true
			c.readMetadata(at, m.raw)
		case "Event Body", "eventBody":
			if c.bodyAt != "" && c.bodyAt != at {
				c.fault(duplicateName, at, "another spelling of this name is there too; send one of them")
			}
			c.body, c.bodyAt = m.raw, at
		default:
			c.fault(unknownField, at, "an event has metadata and a body, and nothing else")
		}
	}
	if !metadata {
		c.fault(events.MissingField, "/Metadata", "an event has metadata and a body")
	}
	c.needBody()
	return c
}

// breakOff notes that a text cannot be read: then nothing more can be said.
func (c *candidate) breakOff(reason string) *candidate {
	c.fault(codecs.InvalidJSON, "", reason)
	c.broken = true
	return c
}

func (c *candidate) needBody() {
	switch {
	case len(c.body) == 0:
		c.fault(events.MissingField, c.inBody(""), "an event has metadata and a body")
	case c.body[0] != '{':
		c.fault(events.InvalidValue, c.inBody(""), "the body is a JSON object")
	}
}

func (c *candidate) readMetadata(prefix string, raw []byte) {
	members, ok := split(raw)
	if !ok {
		c.fault(events.InvalidValue, prefix, "metadata are a JSON object")
		return
	}
	c.twice(prefix+"/", members)
	for _, m := range members {
		at := prefix + "/" + shown(m.name)
		if a, known := nvoAttributes[m.name]; known {
			c.readAttribute(a, at, m.raw)
		} else {
			c.fault(unknownField, at, "there is no such metadata; what is of the event itself belongs into its body")
		}
	}
}

// readAttribute reads one value of metadata. Whether it is synthetic is a
// boolean, tags are an array of texts, and everything else is a text.
func (c *candidate) readAttribute(a attribute, at string, raw []byte) {
	v, faults := codecs.ReadJSON(raw, nil)
	if len(faults) > 0 {
		c.mistake(a, at, faults[0].Reason)
		return
	}
	switch v := v.(type) {
	case string:
		if a != attrTags && a != attrSynthetic {
			c.say(a, at, v)
			return
		}
	case bool:
		if a == attrSynthetic {
			c.say(a, at, strconv.FormatBool(v))
			return
		}
	case []any:
		if a == attrTags {
			c.say(a, at, "")
			c.sayTags(at, v)
			return
		}
	}
	c.mistake(a, at, map[attribute]string{attrTags: "must be an array of texts", attrSynthetic: "must be true or false, without quotes"}[a])
}

func (c *candidate) sayTags(at string, tags []any) {
	for i, t := range tags {
		text, ok := t.(string)
		if !ok {
			c.fault(events.InvalidValue, at+"/"+strconv.Itoa(i), "must be a text")
		}
		c.tags = append(c.tags, text)
	}
}
