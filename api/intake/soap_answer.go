package intake

import (
	"encoding/xml"
	"net/http"
	"strconv"

	"payerflow/api/problem"
)

// answer writes a PublishEventResponse.
func (v *soapVersion) answer(w http.ResponseWriter, c *Committed) {
	type response struct {
		XMLName   xml.Name `xml:"urn:payerflow:intake:v1 PublishEventResponse"`
		Topic     string   `xml:"topic"`
		Partition int32    `xml:"partition"`
		Offset    int64    `xml:"offset"`
		ID        string   `xml:"id"`
		Token     string   `xml:"token"`
		Late      bool     `xml:"deprecated,omitempty"`
	}
	v.write(w, http.StatusOK, response{Topic: c.Topic, Partition: c.Partition, Offset: c.Offset, ID: c.ID, Token: c.Token, Late: c.Deprecated})
}

// soapProblem is the detail of a fault.
type soapProblem struct {
	XMLName xml.Name    `xml:"urn:payerflow:intake:v1 problem"`
	Status  int         `xml:"status"`
	Code    string      `xml:"code"`
	Detail  string      `xml:"detail"`
	Faults  []soapFault `xml:"fault"`
}

type wrapped struct{ Problem soapProblem }

type soapFault struct {
	Code    string `xml:"code"`
	Pointer string `xml:"pointer"`
	Message string `xml:"message"`
}

// fault writes a SOAP fault with the problem as its detail. The HTTP status is
// 500 in SOAP 1.1, as its binding wants, and follows the problem in 1.2.
func (v *soapVersion) fault(w http.ResponseWriter, p *problem.Problem) {
	detail := soapProblem{Status: p.Status, Code: p.Code, Detail: p.Detail}
	for _, e := range p.Errors {
		detail.Faults = append(detail.Faults, soapFault{e.Code, e.Pointer, e.Message})
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	code := v.sender
	switch {
	case p.Code == "MUST_UNDERSTAND":
		code = "MustUnderstand"
	case p.Code == "VERSION_MISMATCH":
		code = "VersionMismatch"
	case p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests:
		code = v.receiver
	}
	if v == soap12 {
		v.write(w, p.Status, fault12(code, p.Detail, detail))
		return
	}
	type fault struct {
		XMLName xml.Name `xml:"soap:Fault"`
		Code    string   `xml:"faultcode"`
		Reason  string   `xml:"faultstring"`
		Detail  wrapped  `xml:"detail"`
	}
	v.write(w, http.StatusInternalServerError, fault{Code: "soap:" + code, Reason: p.Detail, Detail: wrapped{detail}})
}

func fault12(code, reason string, detail soapProblem) any {
	type text struct {
		Lang string `xml:"xml:lang,attr"`
		Text string `xml:",chardata"`
	}
	type fault struct {
		XMLName xml.Name `xml:"soap:Fault"`
		Code    string   `xml:"soap:Code>soap:Value"`
		Reason  text     `xml:"soap:Reason>soap:Text"`
		Detail  wrapped  `xml:"soap:Detail"`
	}
	return fault{Code: "soap:" + code, Reason: text{"en", reason}, Detail: wrapped{detail}}
}

func (v *soapVersion) write(w http.ResponseWriter, status int, body any) {
	inner, err := xml.Marshal(body)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", v.media+"; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(xml.Header + `<soap:Envelope xmlns:soap="` + v.space + `"><soap:Body>` + string(inner) + `</soap:Body></soap:Envelope>`)) // the client may be gone
}
