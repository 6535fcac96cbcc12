package consume

import (
	"encoding/json"
	"strings"

	"payerflow/events"
)

// CloudEvent is an event in the JSON format of CloudEvents 1.0 (structured
// mode). Beside the specified attributes it has ours: transactionid, userid,
// transactiontype, sourcesystem, synthetic, tags, publisher, which is the team
// that the id is unique for, and partitionkey, which is the entity's key; then
// the producer's own. data is the body.
type CloudEvent struct{ events.Envelope }

// MediaType is that of one event.
const MediaType = "application/cloudevents+json"

// MarshalJSON writes the event in one line.
func (c CloudEvent) MarshalJSON() ([]byte, error) {
	e := c.Envelope
	out := map[string]any{}
	for _, a := range e.Attributes() {
		if legalName(a.Name) {
			out[a.Name] = a.Value
		}
	}
	if e.Publisher != "" {
		out["publisher"] = e.Publisher
	}
	out["synthetic"], out["datacontenttype"], out["partitionkey"], out["data"] = e.Synthetic, "application/json", string(e.Key), e.Body
	if e.SourceSystem != "" {
		out["sourcesystem"] = e.SourceSystem
	} else {
		out["source"] = "/payerflow" // the specification wants one
	}
	return json.Marshal(out)
}

// legalName says whether a name may stand beside the attributes: lower case
// letters and digits, and not a name of the data.
func legalName(name string) bool {
	return name != "" && name != "data" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
