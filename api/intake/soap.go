package intake

import (
	"bytes"
	"mime"
	"net/http"
	"strings"

	"payerflow/api/problem"
	"payerflow/events"
)

// soapSpace is the namespace of our elements.
const soapSpace = "urn:payerflow:intake:v1"

// soapVersion is what differs between SOAP 1.1 and 1.2.
type soapVersion struct {
	space, media, sender, receiver string
}

var (
	soap11 = &soapVersion{"http://schemas.xmlsoap.org/soap/envelope/", "text/xml", "Client", "Server"}
	soap12 = &soapVersion{"http://www.w3.org/2003/05/soap-envelope", "application/soap+xml", "Sender", "Receiver"}
)

// The noun-verb-object form as elements.
var elements = nvoForm("/metadata", "/body", 1)

var elementNames = func() map[string]attribute {
	m := map[string]attribute{}
	for a, names := range nvoNames {
		m[names[1]] = attribute(a)
	}
	return m
}()

func (d *door) serveSOAP(w http.ResponseWriter, r *http.Request) {
	media, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	version := soap11
	if media == soap12.media {
		version = soap12
	}
	charset := params["charset"]
	if media != version.media || charset != "" && !strings.EqualFold(charset, "utf-8") {
		version.fault(w, problem.New(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Content-Type is text/xml (SOAP 1.1) or application/soap+xml (SOAP 1.2), in UTF-8"))
		return
	}
	stay := d.flight.enter(r.Context())
	if stay == nil {
		version.fault(w, busy())
		return
	}
	defer stay.leave()
	doc, p := stay.read(w, r, d.Patience)
	if p != nil {
		version.fault(w, p)
		return
	}
	request, p := version.request(doc)
	if p != nil {
		version.fault(w, p)
		return
	}
	out, p := d.take(traced(r.Context(), r.Header), []*candidate{readElements(request)})
	if p == nil {
		p = out[0].Problem
	}
	if p != nil {
		version.fault(w, p)
		return
	}
	version.answer(w, out[0].committed())
}

// request opens the envelope and returns the one element of its body.
func (v *soapVersion) request(doc []byte) (*element, *problem.Problem) {
	root, err := readXML(doc)
	if err != nil {
		return nil, problem.New(http.StatusBadRequest, "INVALID_XML", "the message "+err.Error())
	}
	if root.name.Local != "Envelope" || root.name.Space != v.space {
		return nil, problem.New(http.StatusBadRequest, "VERSION_MISMATCH", "the message is not a SOAP envelope of the version that Content-Type names")
	}
	if header := root.child(v.space, "Header"); header != nil {
		for _, h := range header.children {
			if must := h.attr(v.space, "mustUnderstand"); must == "1" || must == "true" {
				return nil, problem.New(http.StatusBadRequest, "MUST_UNDERSTAND", "no header of the message is understood; send it without mustUnderstand")
			}
		}
	}
	body := root.child(v.space, "Body")
	if body == nil || len(body.children) != 1 || body.children[0].name.Space != soapSpace || body.children[0].name.Local != "PublishEvent" {
		return nil, problem.New(http.StatusBadRequest, "INVALID_XML", "the body of the message is one PublishEvent of "+soapSpace)
	}
	return body.children[0], nil
}

// readElements reads one event of a PublishEvent.
func readElements(request *element) *candidate {
	c := &candidate{form: elements}
	seen := map[string]bool{}
	for _, e := range request.children {
		at := "/" + shown(e.name.Local)
		if seen[e.name.Local] {
			c.fault(duplicateName, at, "the element is there twice")
		}
		seen[e.name.Local] = true
		switch {
		case e.name.Space != soapSpace:
			c.fault(unknownField, at, "only elements of "+soapSpace+" are known")
		case e.name.Local == "metadata":
			c.readMetadataElements(e)
		case e.name.Local == "body" && len(e.children) == 0:
			c.body = bytes.TrimSpace([]byte(e.text))
		case e.name.Local == "body":
			c.fault(events.InvalidValue, at, "the body is the text of a JSON object, not XML")
			c.body = []byte("{}")
		case e.name.Local == "idempotencyKey" && textFault(e.text) == "":
			c.key = e.text
		case e.name.Local == "idempotencyKey":
			c.fault(events.InvalidValue, at, "must be text of up to 255 bytes without control characters")
		default:
			c.fault(unknownField, at, "there is no such element")
		}
	}
	if len(c.body) > 0 && !lenientValue(c.body) {
		return c.breakOff("the body is the text of one JSON object")
	}
	c.needBody()
	return c
}

func (c *candidate) readMetadataElements(metadata *element) {
	for _, e := range metadata.children {
		at := "/metadata/" + shown(e.name.Local)
		a, known := elementNames[e.name.Local]
		switch {
		case !known || e.name.Space != soapSpace:
			c.fault(unknownField, at, "there is no such metadata; what is of the event itself belongs into its body")
		case a == attrTags:
			c.say(a, at, "")
			for _, tag := range e.children {
				if tag.name.Local != "tag" || tag.name.Space != soapSpace || len(tag.children) > 0 {
					c.fault(unknownField, at, "tags hold elements tag, each a text")
				}
				c.tags = append(c.tags, tag.text)
			}
		case len(e.children) > 0:
			c.mistake(a, at, "must be a text")
		case a == attrSynthetic: // xs:boolean has four spellings
			c.say(a, at, map[string]string{"1": "true", "0": "false"}[e.text]+strings.Trim(e.text, "01"))
		default:
			c.say(a, at, e.text)
		}
	}
}
