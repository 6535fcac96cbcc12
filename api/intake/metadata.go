package intake

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"payerflow/events"
)

// Bounds of metadata. docs/intake.md names them.
const (
	maxText       = 255
	maxTags       = 64
	maxTagBytes   = 128
	maxTagsText   = 4096
	maxExtensions = 32
	maxExtBytes   = 1024
	maxExtName    = 32
	maxAhead      = 24 * time.Hour
)

var earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// metadata fills in what an event says about itself.
func (c *candidate) metadata(e *events.Envelope, now time.Time) {
	for _, a := range c.form.required {
		if c.said[a] == "" && !c.wrong[a] {
			c.fault(events.MissingField, c.where(a), "every event has it at this door")
		}
	}
	for a := range attributes {
		if reason := textFault(c.said[a]); reason != "" && a != attrTags {
			c.fault(events.InvalidValue, c.where(a), reason)
		}
	}
	e.TransactionID, e.TransactionType, e.SourceSystem = c.said[attrTransactionID], c.said[attrTransactionType], c.said[attrSourceSystem]
	e.UserID = events.ID(c.said[attrUserID])
	if s := c.said[attrSubject]; s != "" {
		id := events.ID(s)
		e.EventSubject = &id
	}
	c.synthetic(e)
	c.time(e, now)
	c.tagSet(e)
	c.checkExtensions()
}

// textFault says what is wrong with a text of metadata.
func textFault(s string) string {
	switch {
	case len(s) > maxText:
		return fmt.Sprintf("is longer than %d bytes", maxText)
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "holds a control character, such as a line break"
	}
	return ""
}

func (c *candidate) synthetic(e *events.Envelope) {
	switch c.said[attrSynthetic] {
	case "true":
		e.Synthetic = true
	case "false":
	case "":
		if c.wrong[attrSynthetic] {
			return
		}
		c.fault(events.MissingField, c.where(attrSynthetic), "must be said, true or false: is the event fictitious?")
	default:
		c.fault(events.InvalidValue, c.where(attrSynthetic), "must be true or false")
	}
}

func (c *candidate) time(e *events.Envelope, now time.Time) {
	text := c.said[attrTime]
	if text == "" {
		if c.form.nowIfNot {
			e.At = e.ReceivedAt
		}
		return // else it is missing, and metadata says so
	}
	at, ok := parseTime(text)
	switch {
	case !ok:
		c.fault(events.InvalidValue, c.where(attrTime), "must be an RFC 3339 time, or 24 digits: yyyyMMddHHmmss and ten digits of fraction, UTC")
	case at.Before(earliest):
		c.fault(events.InvalidValue, c.where(attrTime), "is before 2000")
	case at.After(now.Add(maxAhead)):
		c.fault(events.InvalidValue, c.where(attrTime), "is more than 24 hours ahead")
	}
	e.At = events.InstantOf(at)
}

const (
	digitsLayout = "20060102150405"
	timeDigits   = len(digitsLayout) + 10
)

// parseTime reads RFC 3339, or 24 digits in UTC. What is finer than a
// nanosecond is cut.
func parseTime(text string) (at time.Time, ok bool) {
	if len(text) != timeDigits {
		return at, at.UnmarshalText([]byte(text)) == nil
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return at, at.UnmarshalText([]byte(text)) == nil
	}
	at, err := time.Parse(digitsLayout+".000000000", text[:len(digitsLayout)]+"."+text[len(digitsLayout):timeDigits-1])
	return at, err == nil
}

// tagSet normalises the tags: Unicode NFC, sorted, each once.
func (c *candidate) tagSet(e *events.Envelope) {
	at := c.where(attrTags)
	if len(c.tags) > maxTags {
		c.fault(events.InvalidValue, at, fmt.Sprintf("has more than %d tags", maxTags))
		return
	}
	e.Tags = make([]string, 0, len(c.tags))
	for i, t := range c.tags {
		switch reason := textFault(t); {
		case t == "" || strings.TrimSpace(t) != t:
			c.fault(events.InvalidValue, fmt.Sprintf("%s/%d", at, i), "is empty, or begins or ends with a space")
		case reason != "":
			c.fault(events.InvalidValue, fmt.Sprintf("%s/%d", at, i), reason)
		case len(t) > maxTagBytes:
			c.fault(events.InvalidValue, fmt.Sprintf("%s/%d", at, i), fmt.Sprintf("is longer than %d bytes", maxTagBytes))
		}
		e.Tags = append(e.Tags, norm.NFC.String(t))
	}
	slices.Sort(e.Tags)
	e.Tags = slices.Compact(e.Tags)
	if len(events.TagsText(e.Tags)) > maxTagsText {
		c.fault(events.InvalidValue, at, fmt.Sprintf("all tags together take more than %d bytes", maxTagsText))
	}
}

// checkExtensions holds the CloudEvents extensions that are not ours to their
// bounds.
func (c *candidate) checkExtensions() {
	if len(c.extensions) > maxExtensions {
		c.fault(events.InvalidValue, "", fmt.Sprintf("has more than %d extensions", maxExtensions))
		return
	}
	for name, value := range c.extensions {
		switch {
		case !extensionName(name):
			c.fault(unknownField, "", fmt.Sprintf("extensions have names of 1 to %d lower-case letters and digits", maxExtName))
		case len(value) > maxExtBytes || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
			c.fault(events.InvalidValue, c.form.ext+name, fmt.Sprintf("must be text of up to %d bytes without control characters", maxExtBytes))
		case name == "traceparent" && !validTrace(value):
			c.fault(events.InvalidValue, c.form.ext+name, "is not a W3C traceparent")
		}
	}
}

func extensionName(name string) bool {
	return name != "" && len(name) <= maxExtName && !strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}
