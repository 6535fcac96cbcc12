package events

import (
	"net/url"
	"slices"
	"strconv"
)

// Attribute is a CloudEvents attribute as text, under its CloudEvents name.
type Attribute struct{ Name, Value string }

// Attributes are those of the event, extensions in name order, without the
// trace, which has headers of its own. One that is empty is left out.
func (e Envelope) Attributes() []Attribute {
	out := make([]Attribute, 0, 12+len(e.Extensions))
	put := func(name, value string) {
		if value != "" {
			out = append(out, Attribute{name, value})
		}
	}
	put("specversion", "1.0")
	put("id", e.ID)
	put("type", string(e.Type))
	put("source", uriReference(e.SourceSystem))
	put("time", e.At.String())
	if e.EventSubject != nil {
		put("subject", string(*e.EventSubject))
	}
	put("synthetic", strconv.FormatBool(e.Synthetic))
	put("transactionid", e.TransactionID)
	put("transactiontype", e.TransactionType)
	put("userid", string(e.UserID))
	put("tags", TagsText(e.Tags))
	names := make([]string, 0, len(e.Extensions))
	for name := range e.Extensions {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name != "traceparent" && name != "tracestate" {
			put(name, e.Extensions[name])
		}
	}
	return out
}

// uriReference is the source system as CloudEvents want a source: as it is
// where it is a URI reference, else with what is not encoded.
func uriReference(source string) string {
	if u, err := url.Parse(source); err == nil && u.String() == source {
		return source
	}
	return url.PathEscape(source)
}
