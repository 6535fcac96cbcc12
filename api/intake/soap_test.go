package intake_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/stage"
)

const soap11, soap12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"

// soapAnswer is what either version answers.
type soapAnswer struct {
	XMLName xml.Name `xml:"Envelope"`
	Body    struct {
		Response *struct {
			Topic     string `xml:"topic"`
			Partition int32  `xml:"partition"`
			Offset    int64  `xml:"offset"`
			ID        string `xml:"id"`
			Token     string `xml:"token"`
		} `xml:"PublishEventResponse"`
		Fault *struct {
			Code11 string `xml:"faultcode"`
			Code12 string `xml:"Code>Value"`
			Reason string `xml:"faultstring"`
			Detail struct {
				Problem struct {
					Status int    `xml:"status"`
					Code   string `xml:"code"`
					Faults []struct {
						Code    string `xml:"code"`
						Pointer string `xml:"pointer"`
					} `xml:"fault"`
				} `xml:"problem"`
			} `xml:",any"`
		} `xml:"Fault"`
	} `xml:"Body"`
}

func (d *doors) soap(contentType, doc string) (answer, soapAnswer) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+"/soap/events", strings.NewReader(doc))
	stage.Must(d.t, err)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("SOAPAction", `"urn:payerflow:intake:v1:PublishEvent"`)
	resp, err := http.DefaultClient.Do(r)
	stage.Must(d.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	stage.Must(d.t, err)
	var a soapAnswer
	if err := xml.Unmarshal(b, &a); err != nil {
		d.t.Fatalf("answer %d %.300s: %v", resp.StatusCode, b, err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}, a
}

const soapEvent = `<p:PublishEvent xmlns:p="urn:payerflow:intake:v1"><p:metadata><p:noun>Member</p:noun><p:verb>PCP</p:verb><p:object>Change</p:object>
<p:transactionId>T1</p:transactionId><p:userId>U1</p:userId><p:timeStamp>201803051315400000000000</p:timeStamp><p:sourceSystem>AS400 &amp; co</p:sourceSystem>
<p:synthetic>1</p:synthetic><p:tags><p:tag>b</p:tag><p:tag>a</p:tag></p:tags></p:metadata>
<p:body><![CDATA[{"Event Type":"Member-PCP-Change","Updated Value":"Dr. <Z>","Event Source":"s"}]]></p:body><p:idempotencyKey>soap-1</p:idempotencyKey></p:PublishEvent>`

func envelope(space, body string) string {
	return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="` + space + `"><s:Header><x:trace xmlns:x="urn:x">1</x:trace></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

func TestSOAPTakesBothVersions(t *testing.T) {
	d := start(t, nil)
	for contentType, space := range map[string]string{"text/xml; charset=utf-8": soap11, `application/soap+xml; charset=utf-8; action="x"`: soap12} {
		a, s := d.soap(contentType, envelope(space, soapEvent))
		if a.status != 200 || s.XMLName.Space != space || s.Body.Response == nil {
			t.Fatalf("answer %d %s", a.status, a.body)
		}
		r := s.Body.Response
		e, headers := d.record(committedOf(r.Topic, r.Partition, r.Offset, r.ID, r.Token))
		if e.Type != "Member-PCP-Change" || !e.Synthetic || !slices.Equal(e.Tags, []string{"a", "b"}) || e.SourceSystem != "AS400 & co" || headers["traceparent"] == "" ||
			e.Body != events.Body(`{"Event Type":"Member-PCP-Change","Updated Value":"Dr. <Z>","Event Source":"s"}`) {
			t.Errorf("envelope %+v", e)
		}
	}
}

func TestSOAPRefusals(t *testing.T) {
	d := start(t, nil)
	bomb := `<!DOCTYPE b [<!ENTITY a "` + strings.Repeat("x", 1000) + `"><!ENTITY b "` + strings.Repeat("&a;", 1000) + `">]>`
	begin := time.Now()
	for name, c := range map[string]struct {
		doc, code, fault string
	}{
		"no synthetic":      {envelope(soap11, strings.Replace(soapEvent, "<p:synthetic>1</p:synthetic>", "", 1)), "soap:Client", "MISSING_FIELD /metadata/synthetic"},
		"synthetic":         {envelope(soap11, strings.Replace(soapEvent, ">1</p:synthetic>", ">maybe</p:synthetic>", 1)), "soap:Client", "INVALID_VALUE /metadata/synthetic"},
		"unknown metadata":  {envelope(soap11, strings.Replace(soapEvent, "<p:noun>", "<p:color>red</p:color><p:noun>", 1)), "soap:Client", "UNKNOWN_FIELD /metadata/color"},
		"twice":             {envelope(soap11, strings.Replace(soapEvent, "<p:noun>", "<p:verb>x</p:verb><p:noun>", 1)), "soap:Client", "DUPLICATE_NAME /metadata/verb"},
		"another namespace": {envelope(soap11, strings.Replace(soapEvent, "<p:noun>Member</p:noun>", `<noun>Member</noun>`, 1)), "soap:Client", "UNKNOWN_FIELD /metadata/noun"},
		"line break in tag": {envelope(soap11, strings.Replace(soapEvent, "<p:tag>b", "<p:tag>b&#13;&#10;x", 1)), "soap:Client", "INVALID_VALUE /metadata/tags/0"},
		"body not JSON":     {envelope(soap11, strings.Replace(soapEvent, `{"Event`, `{{"Event`, 1)), "soap:Client", "INVALID_JSON"},
		"body as XML":       {envelope(soap11, strings.Replace(soapEvent, "<p:body>", "<p:body><a/>", 1)), "soap:Client", "INVALID_VALUE /body"},
		"schema":            {envelope(soap11, strings.Replace(soapEvent, `"Updated Value"`, `"Previous Value"`, 1)), "soap:Client", "MISSING_FIELD /body/Updated Value"},
		"key with a break":  {envelope(soap11, strings.Replace(soapEvent, "soap-1", "a&#10;b", 1)), "soap:Client", "INVALID_VALUE /idempotencyKey"},
		"must understand":   {strings.Replace(envelope(soap11, soapEvent), "<x:trace ", `<x:trace s:mustUnderstand="1" `, 1), "soap:MustUnderstand", ""},
		"version":           {envelope(soap12, soapEvent), "soap:VersionMismatch", ""},
		"other operation":   {envelope(soap11, `<a xmlns="urn:x"/>`), "soap:Client", ""},
		"no envelope":       {`<a/>`, "soap:VersionMismatch", ""},
		"external entity":   {strings.Replace(strings.Replace(envelope(soap11, soapEvent), "?>", `?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>`, 1), "T1", "&x;", 1), "soap:Client", ""},
		"parameter entity":  {strings.Replace(envelope(soap11, soapEvent), "?>", `?><!DOCTYPE s [<!ENTITY % x SYSTEM "`+d.url+`/x"> %x;]>`, 1), "soap:Client", ""},
		"entity bomb":       {strings.Replace(strings.Replace(envelope(soap11, soapEvent), "?>", "?>"+bomb, 1), "T1", "&b;", 1), "soap:Client", ""},
		"entity not known":  {strings.Replace(envelope(soap11, soapEvent), "T1", "&x;", 1), "soap:Client", ""},
		"include":           {strings.Replace(envelope(soap11, soapEvent), "<p:noun>", `<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/><p:noun>`, 1), "soap:Client", "UNKNOWN_FIELD /metadata/include"},
		"stylesheet":        {strings.Replace(envelope(soap11, soapEvent), "?>", `?><?xml-stylesheet href="x"?>`, 1), "soap:Client", ""},
		"deep":              {strings.Repeat("<a>", 100_000), "soap:Client", ""},
		"wide":              {envelope(soap11, "<a>"+strings.Repeat("<b/>", 100_000)+"</a>"), "soap:Client", ""},
		"not UTF-8":         {strings.Replace(envelope(soap11, soapEvent), "utf-8", "latin1", 1), "soap:Client", ""},
		"two roots":         {"<a/><b/>", "soap:Client", ""},
		"empty":             {"", "soap:Client", ""},
		"too large":         {envelope(soap11, soapEvent+strings.Repeat(" ", 1<<20)), "soap:Client", ""},
	} {
		a, s := d.soap("text/xml", c.doc)
		f := s.Body.Fault
		if f == nil || a.status != 500 || f.Code11 != c.code || f.Reason == "" || strings.Contains(a.body, "root:") {
			t.Errorf("%s: answer %d %.400s", name, a.status, a.body)
			continue
		}
		var got []string
		for _, one := range f.Detail.Problem.Faults {
			got = append(got, one.Code+" "+one.Pointer)
		}
		if f.Detail.Problem.Code == "" || !strings.Contains(strings.Join(got, "\n"), c.fault) {
			t.Errorf("%s: problem %s %q, want %s", name, f.Detail.Problem.Code, got, c.fault)
		}
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	if d.count() != 0 {
		t.Error("a refused event was published")
	}
	a, s := d.soap("application/soap+xml", envelope(soap12, strings.Replace(soapEvent, "Member</p:noun>", "Other</p:noun>", 1)))
	if f := s.Body.Fault; f == nil || a.status != 403 || f.Code12 != "soap:Sender" || f.Detail.Problem.Code != "" && f.Detail.Problem.Code != "NOT_PERMITTED" {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	d.stale.Store(true)
	if a, s := d.soap("text/xml", envelope(soap11, soapEvent)); s.Body.Fault == nil || s.Body.Fault.Code11 != "soap:Server" || a.header.Get("Retry-After") == "" {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	if a, _ := d.soap("application/json", "{}"); a.status != 500 || !strings.Contains(a.body, "UNSUPPORTED_MEDIA_TYPE") {
		t.Errorf("answer %d %s", a.status, a.body)
	}
}

func TestWSDL(t *testing.T) {
	d := start(t, nil)
	resp, err := http.Get(d.url + "/soap/events?wsdl")
	stage.Must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	stage.Must(t, err)
	var w struct {
		XMLName  xml.Name `xml:"http://schemas.xmlsoap.org/wsdl/ definitions"`
		Elements []struct {
			Name string `xml:"name,attr"`
		} `xml:"types>schema>complexType>all>element"`
		Ports []struct {
			Address struct {
				Location string `xml:"location,attr"`
			} `xml:"address"`
		} `xml:"service>port"`
	}
	stage.Must(t, xml.Unmarshal(b, &w))
	if len(w.Elements) != 14 || len(w.Ports) != 2 || w.Ports[0].Address.Location != d.url+"/soap/events" {
		t.Errorf("%d elements, ports %+v", len(w.Elements), w.Ports)
	}
	bare, err := http.Get(d.url + "/soap/events")
	stage.Must(t, err)
	defer bare.Body.Close()
	if bare.StatusCode != 400 {
		t.Errorf("without ?wsdl: %d", bare.StatusCode)
	}
}
