package embedded

import (
	"net/http"
	"strings"
)

// versionBody describes one version of a subject.
type versionBody struct {
	Subject    string `json:"subject"`
	Version    int    `json:"version"`
	ID         int    `json:"id"`
	SchemaType string `json:"schemaType,omitempty"` // absent for AVRO
	Schema     string `json:"schema"`
}

func bodyOf(subject string, v version) versionBody {
	return versionBody{Subject: subject, Version: v.number, ID: v.id, SchemaType: v.schemaType, Schema: v.text}
}

// onlyDeleted keeps the softly deleted if the request asks for them alone.
func onlyDeleted(req *http.Request, versions []version) []version {
	if !flag(req, "deletedOnly") {
		return versions
	}
	var found []version
	for _, v := range versions {
		if v.deleted {
			found = append(found, v)
		}
	}
	return found
}

func withDeleted(req *http.Request) bool { return flag(req, "deleted") || flag(req, "deletedOnly") }

func (r *Registry) listSubjects(req *http.Request) (any, error) {
	names := []string{}
	r.read(func(s *state) {
		for _, name := range s.names(withDeleted(req)) {
			if flag(req, "deletedOnly") && len(s.versions(name, false)) > 0 {
				continue
			}
			if strings.HasPrefix(name, req.URL.Query().Get("subjectPrefix")) {
				names = append(names, name)
			}
		}
	})
	return names, nil
}

func (r *Registry) listVersions(req *http.Request) (body any, err error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	r.read(func(s *state) {
		found := s.versions(subject, withDeleted(req))
		if len(found) == 0 {
			err = errSubject(subject)
			return
		}
		body = numbers(onlyDeleted(req, found))
	})
	return body, err
}

func (r *Registry) oneVersion(req *http.Request) (found versionBody, err error) {
	subject, err := subjectOf(req)
	if err != nil {
		return found, err
	}
	r.read(func(s *state) {
		var v version
		v, err = findVersion(s, subject, req.PathValue("version"), withDeleted(req))
		found = bodyOf(subject, v)
	})
	return found, err
}

func (r *Registry) getVersion(req *http.Request) (any, error) { return r.oneVersion(req) }

func (r *Registry) getVersionText(req *http.Request) (any, error) {
	found, err := r.oneVersion(req)
	return rawSchema(found.Schema), err
}

func (r *Registry) lookUp(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	schema, err := schemaBody(req)
	if err != nil {
		return nil, err
	}
	var body any
	r.read(func(s *state) {
		versions := s.versions(subject, withDeleted(req))
		err = errSchema()
		if len(versions) == 0 {
			err = errSubject(subject)
		}
		for _, v := range versions {
			if v.identity == schema.identity {
				body, err = bodyOf(subject, v), nil // the newest of equal ones
			}
		}
	})
	return body, err
}

func (r *Registry) register(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	schema, err := schemaBody(req)
	if err != nil {
		return nil, err
	}
	var body struct {
		ID int `json:"id"`
	}
	err = r.write(req.Context(), func(s *state) (records []journalRecord, err error) {
		body.ID, records, err = decideRegister(s, subject, schema)
		return records, err
	})
	return body, err
}

func (r *Registry) deleteSubject(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	var gone []int
	err = r.write(req.Context(), func(s *state) (records []journalRecord, err error) {
		gone, records, err = decideDeleteSubject(s, subject, flag(req, "permanent"))
		return records, err
	})
	return gone, err
}

func (r *Registry) deleteVersion(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	var gone int
	err = r.write(req.Context(), func(s *state) (records []journalRecord, err error) {
		gone, records, err = decideDeleteVersion(s, subject, req.PathValue("version"), flag(req, "permanent"))
		return records, err
	})
	return gone, err
}

func (r *Registry) testAll(req *http.Request) (any, error) {
	return r.test(req, func(s *state, subject string) ([]version, error) {
		return s.versions(subject, false), nil
	})
}

func (r *Registry) testOne(req *http.Request) (any, error) {
	return r.test(req, func(s *state, subject string) ([]version, error) {
		number := req.PathValue("version")
		if n, err := parseVersion(number); err == nil && n == latest && len(s.versions(subject, false)) == 0 {
			return nil, nil // nothing to break
		}
		v, err := findVersion(s, subject, number, false)
		return []version{v}, err
	})
}

// test measures a schema by the subject's level without registering it.
func (r *Registry) test(req *http.Request, against func(*state, string) ([]version, error)) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	schema, err := schemaBody(req)
	if err != nil {
		return nil, err
	}
	var reasons []string
	r.read(func(s *state) {
		var versions []version
		if versions, err = against(s, subject); err == nil {
			reasons, err = reasonsAgainst(s.level(subject), schema, versions)
		}
	})
	body := struct {
		Compatible bool     `json:"is_compatible"`
		Messages   []string `json:"messages,omitempty"`
	}{Compatible: len(reasons) == 0}
	if flag(req, "verbose") {
		body.Messages = reasons
	}
	return body, err
}

var _ http.Handler = endpoint(nil)
