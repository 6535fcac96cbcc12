package intake

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"payerflow/api/access"
	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

var fuzzNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func fuzzRules(f *testing.F) *processors.Rules {
	f.Helper()
	schema, err := os.ReadFile("testdata/member-pcp-change.schema.json")
	if err != nil {
		f.Fatal(err)
	}
	return processors.NewRules(append(topologies.DefaultEventTypes(),
		tables.EventType{Name: "Member-PCP-Change", Parts: []string{"Member", "PCP", "Change"}, Version: 1, Schema: string(schema), State: tables.StateActive},
		tables.EventType{Name: "Any", Version: 1, Schema: `{}`, KeyField: "/k", State: tables.StateActive}), []byte(strings.Repeat("s", 32)))
}

// decide accepts a candidate and holds what is accepted to what the rest of
// the way relies on.
func decide(t *testing.T, rules *processors.Rules, c *candidate) {
	t.Helper()
	e, faults := accept(rules, access.Principal{Team: "team", Scopes: tables.Scopes{Publish: []string{"*"}}}, c, fuzzNow)
	for _, f := range faults {
		if f.ReasonCode == "" || f.Reason == "" || strings.ContainsFunc(f.At+f.Reason, unicode.IsControl) {
			t.Fatalf("fault %q", f)
		}
	}
	if len(faults) > maxFaults {
		t.Fatalf("%d faults", len(faults))
	}
	if len(faults) > 0 {
		return
	}
	if err := e.Validate(); err != nil {
		t.Fatalf("accepted: %v", err)
	}
	if topology.KeyFault([]byte(e.Key)) != "" || topology.KeyFault([]byte(e.ID)) != "" || len(e.ID) > maxText || c.said[attrSynthetic] == "" {
		t.Fatal("accepted what no group folds")
	}
	if body, faults := codecs.ReadJSON([]byte(e.Body), nil); len(faults) > 0 || body.(map[string]any) == nil {
		t.Fatalf("accepted a body with %v", faults)
	}
	if !slices.IsSorted(e.Tags) || len(slices.Compact(slices.Clone(e.Tags))) != len(e.Tags) {
		t.Fatal("tags are not sorted, each once")
	}
	if back, ok := events.ParseTags(events.TagsText(e.Tags)); !ok || !slices.Equal(back, e.Tags) && len(e.Tags) > 0 {
		t.Fatal("tags do not come back from a header")
	}
	for _, a := range e.Attributes() {
		if strings.ContainsFunc(a.Value, unicode.IsControl) {
			t.Fatalf("the header %s holds a control character", a.Name)
		}
	}
	if e.At.Time().Before(earliest) || e.At.Time().After(fuzzNow.Add(maxAhead)) {
		t.Fatal("accepted a time out of range")
	}
}

func FuzzNVO(f *testing.F) {
	rules := fuzzRules(f)
	example, err := os.ReadFile("testdata/member-pcp-change.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(strings.Replace(string(example), `"Metadata" : {`, `"Metadata" : {"Synthetic":true,"Tags":["b","a"],`, 1)))
	f.Add([]byte(`{"metadata":{"eventType":"Any","transactionId":"t","timeStamp":"2026-11-21T11:00:00Z","sourceSystem":"s","synthetic":false,"tags":["x"]},"eventBody":{"k":1,"K":2}}`))
	f.Add([]byte(`{"metadata":{"eventType":"Any","synthetic":false},"metadata":{},"eventBody":{"k":"\ud800"}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		decide(t, rules, readNVO(doc))
		items, ok := itemsOf(doc)
		if ok && len(items) > MaxEvents+1 {
			t.Fatal("a batch without bound")
		}
	})
}

func FuzzCloudEvent(f *testing.F) {
	rules := fuzzRules(f)
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"Any","synthetic":false,"tags":"a,b%2C","x":1,"data":{"k":"v"}}`), "1", "a,b")
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"Any","synthetic":"true","time":"2026-11-21T11:00:00Z","data_base64":"e30="}`), "%0d%0a", "%25")
	f.Add([]byte(`{"k":"v"}`), "a%20b", "x%252Cy")
	f.Fuzz(func(t *testing.T, doc []byte, id, tags string) {
		decide(t, rules, readStructured(doc))
		decide(t, rules, readBinary(http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {id}, "Ce-Source": {"/s"}, "Ce-Type": {"Any"}, "Ce-Synthetic": {"false"}, "Ce-Tags": {tags}, "Ce-" + id: {tags}}, doc))
	})
}

func FuzzSOAP(f *testing.F) {
	rules := fuzzRules(f)
	for _, v := range []*soapVersion{soap11, soap12} {
		f.Add([]byte(`<s:Envelope xmlns:s="` + v.space + `"><s:Header/><s:Body><PublishEvent xmlns="` + soapSpace + `"><metadata><eventType>Any</eventType><transactionId>t</transactionId><timeStamp>2026-11-21T11:00:00Z</timeStamp>` +
			`<sourceSystem>s</sourceSystem><synthetic>0</synthetic><tags><tag>b</tag><tag>a</tag></tags></metadata><body>{"k":"v"}</body></PublishEvent></s:Body></s:Envelope>`))
	}
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, v := range []*soapVersion{soap11, soap12} {
			request, p := v.request(doc)
			if (request == nil) == (p == nil) {
				t.Fatal("neither a request nor a problem, or both")
			}
			if p != nil {
				continue
			}
			if strings.Contains(string(doc), "<!DOCTYPE") && !strings.Contains(string(doc), "<![CDATA[") && !strings.Contains(string(doc), "<!--") {
				t.Fatal("a document type was let in")
			}
			decide(t, rules, readElements(request))
		}
	})
}
