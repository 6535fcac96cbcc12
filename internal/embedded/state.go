package embedded

import (
	"maps"
	"slices"
)

// state is what a registry knows: the fold of its journal, nothing else. Two
// registries that have read the same records hold equal states, and compaction
// of the journal changes no state.
type state struct {
	subjects map[string]map[int]version
	levels   map[string]string // by subject; "" is global
	modes    map[string]string // by subject; "" is global
	lastID   int               // highest id ever given
}

// version is one schema under one subject.
type version struct {
	number     int
	id         int
	text       string
	schemaType string // "" is AVRO
	identity   string // of Avro schemas; equal identities share an id
	deleted    bool   // softly: still found by id
}

func newState() *state {
	return &state{subjects: map[string]map[int]version{}, levels: map[string]string{}, modes: map[string]string{}}
}

// apply folds one record in. Kinds it does not know change nothing.
func (s *state) apply(r journalRecord) {
	switch r.key.Keytype {
	case keySchema:
		s.applySchema(r)
	case keyDeleteSubject:
		if r.value == nil {
			return
		}
		for n, v := range s.subjects[r.key.Subject] {
			if n <= r.value.Version {
				v.deleted = true
				s.subjects[r.key.Subject][n] = v
			}
		}
	case keyClearSubject:
		delete(s.subjects, r.key.Subject)
	case keyConfig:
		set(s.levels, r.key.Subject, r.value != nil, func() string { return r.value.Level })
	case keyMode:
		set(s.modes, r.key.Subject, r.value != nil, func() string { return r.value.Mode })
	case keyNoop:
		if r.value != nil {
			s.lastID = max(s.lastID, r.value.LastID)
		}
	}
}

func (s *state) applySchema(r journalRecord) {
	subject, number := r.key.Subject, r.key.Version
	if r.value == nil {
		delete(s.subjects[subject], number)
		if len(s.subjects[subject]) == 0 {
			delete(s.subjects, subject)
		}
		return
	}
	v := version{
		number: number, id: r.value.ID, text: r.value.Schema, schemaType: r.value.SchemaType,
		deleted: r.value.Deleted != nil && *r.value.Deleted,
	}
	if v.schemaType == "AVRO" {
		v.schemaType = ""
	}
	if v.schemaType == "" {
		// A schema that another registry took and this one cannot parse is
		// served as it is, and equals nothing.
		if parsed, err := parseSchema(v.text); err == nil {
			v.identity = parsed.identity
		}
	}
	if s.subjects[subject] == nil {
		s.subjects[subject] = map[int]version{}
	}
	s.subjects[subject][number] = v
	s.lastID = max(s.lastID, v.id)
}

func set(m map[string]string, key string, present bool, value func() string) {
	if !present {
		delete(m, key)
		return
	}
	m[key] = value()
}

// names lists subjects in order, with those softly deleted if asked.
func (s *state) names(deleted bool) []string {
	found := []string{}
	for name := range s.subjects {
		if len(s.versions(name, deleted)) > 0 {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// versions lists a subject's versions ascending, with those softly deleted if asked.
func (s *state) versions(subject string, deleted bool) []version {
	var found []version
	for _, n := range slices.Sorted(maps.Keys(s.subjects[subject])) {
		if v := s.subjects[subject][n]; deleted || !v.deleted {
			found = append(found, v)
		}
	}
	return found
}

// nextNumber is the version that a new schema under a subject gets.
func (s *state) nextNumber(subject string) int {
	last := 0
	for n := range s.subjects[subject] {
		last = max(last, n)
	}
	return last + 1
}

// use is a version with the subject it stands under.
type use struct {
	subject string
	version version
}

// uses lists where a schema id is used, by subject and version.
func (s *state) uses(id int) []use {
	var found []use
	for _, subject := range slices.Sorted(maps.Keys(s.subjects)) {
		for _, v := range s.versions(subject, true) {
			if v.id == id {
				found = append(found, use{subject, v})
			}
		}
	}
	return found
}

// idOf returns the id of an equal schema under any subject, 0 if there is none.
func (s *state) idOf(identity string) int {
	id := 0
	for _, versions := range s.subjects {
		for _, v := range versions {
			if v.identity == identity && (id == 0 || v.id < id) {
				id = v.id
			}
		}
	}
	return id
}

// level is the compatibility that holds for a subject.
func (s *state) level(subject string) string {
	return s.effective(s.levels, subject, defaultLevel)
}

// mode is the mode that holds for a subject.
func (s *state) mode(subject string) string {
	return s.effective(s.modes, subject, modeReadWrite)
}

func (s *state) effective(settings map[string]string, subject, otherwise string) string {
	for _, key := range []string{subject, ""} {
		if v, ok := settings[key]; ok {
			return v
		}
	}
	return otherwise
}
