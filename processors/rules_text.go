package processors

import "encoding/json"

// Text is a row's JSON as it stands, "" where there is none.
func (r *Rules) Text(kind, name string) string {
	e, ok := r.entry(kind, name)
	if !ok {
		return ""
	}
	text, err := json.Marshal(e)
	if err != nil {
		return ""
	}
	return string(text)
}
