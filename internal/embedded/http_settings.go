package embedded

import (
	"net/http"
	"strings"
)

type levelBody struct {
	Level string `json:"compatibilityLevel"`
}

func (r *Registry) getLevel(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	var body levelBody
	r.read(func(s *state) {
		if _, own := s.levels[subject]; subject != "" && !own && !flag(req, "defaultToGlobal") {
			err = errNoLevel(subject)
			return
		}
		body.Level = s.level(subject)
	})
	return body, err
}

func (r *Registry) putLevel(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	var body struct {
		Level string `json:"compatibility"`
	}
	if err := decodeBody(req, &body); err != nil {
		return nil, err
	}
	if body.Level = strings.ToUpper(body.Level); !isLevel(body.Level) {
		return nil, errInvalidLevel()
	}
	err = r.write(req.Context(), func(s *state) ([]journalRecord, error) {
		if s.mode(subject) != modeReadWrite {
			return nil, errReadOnly(subject)
		}
		return []journalRecord{configRecord(subject, body.Level)}, nil
	})
	return body, err
}

// deleteLevel answers with the level that held before.
func (r *Registry) deleteLevel(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	var body levelBody
	err = r.write(req.Context(), func(s *state) ([]journalRecord, error) {
		if _, own := s.levels[subject]; subject != "" && !own {
			return nil, errNoLevel(subject)
		}
		if s.mode(subject) != modeReadWrite {
			return nil, errReadOnly(subject)
		}
		body.Level = s.level(subject)
		return []journalRecord{configRecord(subject, "")}, nil
	})
	return body, err
}

type modeBody struct {
	Mode string `json:"mode"`
}

func (r *Registry) getMode(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	var body modeBody
	r.read(func(s *state) {
		if _, own := s.modes[subject]; subject != "" && !own && !flag(req, "defaultToGlobal") {
			err = errNoMode(subject)
			return
		}
		body.Mode = s.mode(subject)
	})
	return body, err
}

func (r *Registry) putMode(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	var body modeBody
	if err := decodeBody(req, &body); err != nil {
		return nil, err
	}
	if body.Mode = strings.ToUpper(body.Mode); body.Mode != modeReadWrite && body.Mode != modeReadOnly {
		return nil, errInvalidMode()
	}
	err = r.write(req.Context(), func(*state) ([]journalRecord, error) {
		return []journalRecord{modeRecord(subject, body.Mode)}, nil
	})
	return body, err
}

// deleteMode answers with the mode that held before.
func (r *Registry) deleteMode(req *http.Request) (any, error) {
	subject, err := subjectOf(req)
	if err != nil {
		return nil, err
	}
	var body modeBody
	err = r.write(req.Context(), func(s *state) ([]journalRecord, error) {
		own, ok := s.modes[subject]
		if !ok {
			return nil, errNoMode(subject)
		}
		body.Mode = own
		return []journalRecord{modeRecord(subject, "")}, nil
	})
	return body, err
}
