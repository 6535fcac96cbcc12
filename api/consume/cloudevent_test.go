package consume

import (
	"encoding/json"
	"testing"

	"payerflow/events"
)

// TestCloudEvent: a producer's extension takes no attribute's place, and what
// is empty is left out.
func TestCloudEvent(t *testing.T) {
	e := events.Envelope{ID: "1", Publisher: "team", Type: "T", Key: "k", At: 1, Body: "{\"a\":\n 1e2}", Extensions: map[string]string{
		"data": "x", "Data_base64": "x", "partitionkey": "x", "publisher": "x", "synthetic": "x", "mine": "y"}}
	b, err := json.Marshal(CloudEvent{e})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"data":{"a":1e2},"datacontenttype":"application/json","id":"1","mine":"y","partitionkey":"k","publisher":"team","source":"/payerflow","specversion":"1.0","synthetic":false,"time":"1970-01-01T00:00:00.000001Z","type":"T"}`
	if string(b) != want {
		t.Errorf("%s", b)
	}
}
