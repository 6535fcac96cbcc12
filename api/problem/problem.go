// Package problem answers: how does every door and view say that a request
// went wrong?
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Problem is the body of every error, RFC 9457 problem details. It never
// repeats a key or a value.
type Problem struct {
	Type      string   `json:"type" doc:"URI that names the kind of problem" example:"about:blank"`
	Title     string   `json:"title" doc:"The status in words" example:"Not Found"`
	Status    int      `json:"status" doc:"HTTP status code" example:"404"`
	Code      string   `json:"code" doc:"Stable code of the problem" example:"ROW_NOT_FOUND"`
	Detail    string   `json:"detail,omitempty" doc:"What is wrong and what to do"`
	Partition *int32   `json:"partition,omitempty" doc:"Partition of the rows, where nobody answers for it now"`
	Errors    []Detail `json:"errors,omitempty" doc:"Each fault with its place"`

	RetryAfter int    `json:"-"` // seconds, 0: none
	Challenge  string `json:"-"` // WWW-Authenticate of a 401
}

// Detail is one fault of a request.
type Detail struct {
	Code    string `json:"code,omitempty" doc:"Stable code of the fault" example:"MISSING_FIELD"`
	Pointer string `json:"pointer" doc:"Where the fault is: a JSON pointer into the body, or query/path/header and the parameter" example:"query.limit"`
	Message string `json:"message" doc:"What is wrong, without the value"`
}

// New is a problem without a place.
func New(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus makes Problem a huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType names the media type of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders makes Problem a huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Challenge != "" {
		h.Set("WWW-Authenticate", p.Challenge)
	}
	return h
}

// Write answers a request with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	for k, vs := range p.GetHeaders() {
		w.Header()[k] = vs
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone
}
