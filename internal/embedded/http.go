package embedded

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	contentType = "application/vnd.schemaregistry.v1+json"
	maxBody     = 1 << 20
	maxSubject  = 512
	latest      = -1
)

// handler routes the REST API. Paths match as escaped, so a subject may hold
// an escaped slash.
func (r *Registry) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]endpoint{
		"GET /{$}":                         func(*http.Request) (any, error) { return struct{}{}, nil },
		"GET /subjects":                    r.listSubjects,
		"GET /subjects/{subject}/versions": r.listVersions,
		"GET /subjects/{subject}/versions/{version}":                r.getVersion,
		"GET /subjects/{subject}/versions/{version}/schema":         r.getVersionText,
		"POST /subjects/{subject}":                                  r.lookUp,
		"POST /subjects/{subject}/versions":                         r.register,
		"DELETE /subjects/{subject}":                                r.deleteSubject,
		"DELETE /subjects/{subject}/versions/{version}":             r.deleteVersion,
		"GET /schemas/types":                                        func(*http.Request) (any, error) { return []string{"AVRO"}, nil },
		"GET /schemas/ids/{id}":                                     r.getSchema,
		"GET /schemas/ids/{id}/schema":                              r.getSchemaText,
		"GET /schemas/ids/{id}/subjects":                            r.getSchemaSubjects,
		"GET /schemas/ids/{id}/versions":                            r.getSchemaVersions,
		"GET /config":                                               r.getLevel,
		"PUT /config":                                               r.putLevel,
		"DELETE /config":                                            r.deleteLevel,
		"GET /config/{subject}":                                     r.getLevel,
		"PUT /config/{subject}":                                     r.putLevel,
		"DELETE /config/{subject}":                                  r.deleteLevel,
		"GET /mode":                                                 r.getMode,
		"PUT /mode":                                                 r.putMode,
		"GET /mode/{subject}":                                       r.getMode,
		"PUT /mode/{subject}":                                       r.putMode,
		"DELETE /mode/{subject}":                                    r.deleteMode,
		"POST /compatibility/subjects/{subject}/versions":           r.testAll,
		"POST /compatibility/subjects/{subject}/versions/{version}": r.testOne,
		"/": func(*http.Request) (any, error) {
			return nil, apiErrorf(http.StatusNotFound, http.StatusNotFound, "HTTP 404 Not Found")
		},
	} {
		if writes(pattern) {
			h = r.writer.only(h)
		}
		mux.Handle(pattern, h)
	}
	return mux
}

// writes says whether requests of a pattern change anything.
func writes(pattern string) bool {
	method, _, _ := strings.Cut(pattern, " ")
	return method == http.MethodPut || method == http.MethodDelete || pattern == "POST /subjects/{subject}/versions"
}

// endpoint gives the body of a 200, or an *apiError.
type endpoint func(*http.Request) (any, error)

func (h endpoint) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	req.Body = http.MaxBytesReader(w, req.Body, maxBody)
	status := http.StatusOK
	body, err := h(req)
	if err != nil {
		var api *apiError
		if !errors.As(err, &api) {
			api = apiErrorf(http.StatusInternalServerError, 50001, "Internal server error")
		}
		status, body = api.status, api
	}
	data, err := encodeJSON(body)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error_code":50001,"message":"Internal server error"}`)
	}
	w.Header().Set("Content-Type", contentType)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="schema registry"`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client is gone; nobody is left to tell
}

// decodeBody reads one JSON object of at most maxBody bytes.
func decodeBody(req *http.Request, into any) error {
	data, err := io.ReadAll(req.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return apiErrorf(http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, "The request body is larger than %d bytes", maxBody)
	}
	if err != nil || !utf8.Valid(data) || json.Unmarshal(data, into) != nil {
		return errBody()
	}
	return nil
}

// schemaBody reads the schema that a request is about.
func schemaBody(req *http.Request) (avroSchema, error) {
	var body struct {
		Schema     string            `json:"schema"`
		SchemaType string            `json:"schemaType"`
		References []json.RawMessage `json:"references"`
		Metadata   *json.RawMessage  `json:"metadata"`
		RuleSet    *json.RawMessage  `json:"ruleSet"`
		ID         int               `json:"id"`
		Version    int               `json:"version"`
	}
	if err := decodeBody(req, &body); err != nil {
		return avroSchema{}, err
	}
	switch {
	case body.SchemaType != "" && body.SchemaType != "AVRO":
		return avroSchema{}, errInvalidSchema("this registry holds schemas of type AVRO only")
	case len(body.References) > 0:
		return avroSchema{}, errInvalidSchema("this registry resolves no references; declare every name in the schema")
	case body.Metadata != nil || body.RuleSet != nil:
		return avroSchema{}, errInvalidSchema("this registry applies no metadata and no rules")
	case body.ID > 0 || body.Version > 0:
		return avroSchema{}, apiErrorf(http.StatusUnprocessableEntity, 42205, "The id and version of a schema are given by the registry; there is no import mode")
	}
	schema, err := parseSchema(body.Schema)
	if err != nil {
		return avroSchema{}, errInvalidSchema(err.Error())
	}
	return schema, nil
}

// subjectOf is the subject in the path; a path without one gives "", nil.
func subjectOf(req *http.Request) (string, error) {
	if !strings.Contains(req.Pattern, "{subject}") {
		return "", nil
	}
	subject := req.PathValue("subject")
	if subject == "" || len(subject) > maxSubject || !utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl) {
		return "", errInvalidSubject()
	}
	return subject, nil
}

// parseVersion reads "latest", "-1" or a positive number.
func parseVersion(s string) (int, error) {
	if s == "latest" || s == "-1" {
		return latest, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 || n > math.MaxInt32 {
		return 0, errInvalidVersion(s)
	}
	return int(n), nil
}

// flag reads a query parameter that is on when it is "true".
func flag(req *http.Request, name string) bool { return req.URL.Query().Get(name) == "true" }
