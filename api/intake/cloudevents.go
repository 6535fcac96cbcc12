package intake

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"payerflow/codecs"
	"payerflow/events"
)

// The CloudEvents form, as one JSON object and in headers.
var structured, binary = ceForm("/", "/data"), ceForm("header.ce-", "")

// ceNames are the attributes and our extensions.
var ceNames = map[string]attribute{
	"id": attrID, "type": attrType, "source": attrSourceSystem, "subject": attrSubject, "time": attrTime,
	"transactionid": attrTransactionID, "userid": attrUserID, "transactiontype": attrTransactionType, "synthetic": attrSynthetic, "tags": attrTags,
}

const (
	invalidCloudEvent = "INVALID_CLOUDEVENT"
	ceJSON            = "application/cloudevents+json"
	ceBatch           = "application/cloudevents-batch+json"
	ceHeader          = "Ce-"
)

func ceForm(prefix, body string) *form {
	f := &form{ext: prefix, body: body, required: []attribute{attrID}, nowIfNot: true}
	for name, a := range ceNames {
		f.names[a] = prefix + name
	}
	return f
}

// readStructured reads one event that is a JSON object of attributes and data.
func readStructured(doc []byte) *candidate {
	c := &candidate{form: structured, extensions: map[string]string{}}
	members, ok := split(doc)
	if !ok {
		return c.breakOff("a CloudEvent is one JSON object, in UTF-8")
	}
	c.twice("/", members)
	texts := map[string]string{}
	for _, m := range members {
		if m.name == "data" || m.name == "data_base64" {
			c.readData(m)
			continue
		}
		if text, ok := scalar(m.raw); ok {
			texts[m.name] = text
		} else if a, known := ceNames[m.name]; known {
			c.mistake(a, "/"+m.name, "must be a text")
		} else {
			c.fault(events.InvalidValue, "/"+shown(m.name), "an attribute is a text, a whole number, or true or false")
		}
	}
	c.readAttributes(texts)
	c.needBody()
	c.official = func() []events.Fault { return official(http.Header{"Content-Type": {ceJSON}}, doc) }
	return c
}

// scalar is a value of an attribute as text: "" for null, which is the same as
// absent.
func scalar(raw []byte) (string, bool) {
	v, faults := codecs.ReadJSON(raw, nil)
	if len(faults) > 0 {
		return "", false
	}
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		_, err := strconv.ParseInt(v.String(), 10, 32)
		return v.String(), err == nil
	}
	return "", false
}

func (c *candidate) readData(m member) {
	at := "/" + m.name
	if c.bodyAt != "" {
		c.fault(duplicateName, at, "an event has data or data_base64, once")
		return
	}
	c.body, c.bodyAt = m.raw, at
	if m.name == "data" {
		return
	}
	text, ok := scalar(m.raw)
	decoded, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		c.fault(events.InvalidValue, at, "must be base64")
		return
	}
	c.body = bytes.TrimSpace(decoded)
}

// readBinary reads one event with its attributes in headers.
func readBinary(h http.Header, doc []byte) *candidate {
	c := &candidate{form: binary, body: bytes.TrimSpace(doc), extensions: map[string]string{}}
	if !lenientValue(doc) {
		return c.breakOff("the data of an event is one JSON object, in UTF-8")
	}
	texts, decoded := map[string]string{}, http.Header{"Content-Type": {"application/json"}}
	for name, values := range h {
		attribute, ours := strings.CutPrefix(name, ceHeader)
		if !ours {
			continue
		}
		at := c.form.ext + strings.ToLower(attribute)
		text, err := url.PathUnescape(values[0])
		switch {
		case len(values) > 1:
			c.fault(duplicateName, at, "the header is there twice")
		case err != nil:
			c.fault(events.InvalidValue, at, "is not percent-encoded")
		}
		texts[strings.ToLower(attribute)], decoded[name] = text, []string{text}
	}
	c.readAttributes(texts)
	c.needBody()
	c.official = func() []events.Fault { return official(decoded, doc) }
	return c
}

// readAttributes takes the attributes that have a place of their own; the rest
// are extensions.
func (c *candidate) readAttributes(texts map[string]string) {
	if v := texts["specversion"]; v != "1.0" {
		c.fault(events.InvalidValue, c.form.ext+"specversion", "must be 1.0")
	}
	if t, ok := texts["datacontenttype"]; ok && t != "" && !isJSON(t) {
		c.fault(events.InvalidValue, c.form.ext+"datacontenttype", "must be application/json, or end with +json")
	}
	for name, text := range texts {
		at := c.form.ext + shown(name)
		switch a, known := ceNames[name]; {
		case name == "specversion" || name == "datacontenttype" || name == "sourcesystem":
		case !known:
			c.extensions[name] = text
		case a == attrTags:
			tags, ok := events.ParseTags(text)
			if !ok {
				c.mistake(a, at, "must be tags joined with commas, each percent-encoded and none empty")
				continue
			}
			c.tags, c.at[a] = tags, at
		default:
			c.said[a], c.at[a] = text, at
		}
	}
	if text := texts["sourcesystem"]; text != "" { // says it better than the URI
		c.said[attrSourceSystem], c.at[attrSourceSystem] = text, c.form.ext+"sourcesystem"
	}
	if texts["source"] == "" && !c.wrong[attrSourceSystem] {
		c.fault(events.MissingField, c.form.ext+"source", "every CloudEvent has it")
	}
}

func isJSON(contentType string) bool {
	t, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json")) && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// official is what the CloudEvents SDK finds wrong with an event that we found
// nothing wrong with.
func official(h http.Header, doc []byte) []events.Fault {
	e, err := binding.ToEvent(context.Background(), cehttp.NewMessage(h, io.NopCloser(bytes.NewReader(doc))))
	if err == nil {
		err = e.Validate()
	}
	if err == nil {
		return nil
	}
	var invalid ce.ValidationError
	if !errors.As(err, &invalid) {
		return []events.Fault{{ReasonCode: invalidCloudEvent, Reason: "is not a CloudEvent of version 1.0"}}
	}
	var out []events.Fault
	for name := range invalid {
		out = append(out, events.Fault{ReasonCode: invalidCloudEvent, At: name, Reason: "CloudEvents 1.0 does not allow this value"})
	}
	return out
}
