package embedded

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// rawSchema is a schema that is itself the body of an answer.
func rawSchema(text string) any {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text // another registry's type, such as PROTOBUF
}

// usesOf resolves the id in the path. An id whose versions were all purged is
// not found; one whose versions are softly deleted is.
func (r *Registry) usesOf(req *http.Request) (found []use, err error) {
	id, err := strconv.Atoi(req.PathValue("id"))
	if err != nil {
		return nil, errSchema()
	}
	r.read(func(s *state) { found = s.uses(id) })
	if len(found) == 0 {
		return nil, errSchema()
	}
	return found, nil
}

// visible keeps the uses that the request's subject and deleted ask for.
func visible(req *http.Request, uses []use) []use {
	subject := req.URL.Query().Get("subject")
	return slices.DeleteFunc(uses, func(u use) bool {
		return u.version.deleted && !withDeleted(req) || subject != "" && u.subject != subject
	})
}

func (r *Registry) getSchema(req *http.Request) (any, error) {
	uses, err := r.usesOf(req)
	if err != nil {
		return nil, err
	}
	return struct {
		SchemaType string `json:"schemaType,omitempty"`
		Schema     string `json:"schema"`
	}{uses[0].version.schemaType, uses[0].version.text}, nil
}

func (r *Registry) getSchemaText(req *http.Request) (any, error) {
	uses, err := r.usesOf(req)
	if err != nil {
		return nil, err
	}
	return rawSchema(uses[0].version.text), nil
}

func (r *Registry) getSchemaSubjects(req *http.Request) (any, error) {
	uses, err := r.usesOf(req)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, u := range visible(req, uses) {
		names = append(names, u.subject)
	}
	return slices.Compact(names), nil
}

func (r *Registry) getSchemaVersions(req *http.Request) (any, error) {
	uses, err := r.usesOf(req)
	if err != nil {
		return nil, err
	}
	type pair struct {
		Subject string `json:"subject"`
		Version int    `json:"version"`
	}
	pairs := []pair{}
	for _, u := range visible(req, uses) {
		pairs = append(pairs, pair{u.subject, u.version.number})
	}
	return pairs, nil
}
