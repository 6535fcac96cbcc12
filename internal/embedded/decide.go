package embedded

import "fmt"

// Modes by their names in the REST API.
const (
	modeReadWrite = "READWRITE"
	modeReadOnly  = "READONLY"
)

// The decide functions say which records a request adds to the journal, and
// what it is answered once they are there. They change nothing themselves.

// decideRegister gives the id of a schema under a subject, old or new.
func decideRegister(s *state, subject string, schema avroSchema) (int, []journalRecord, error) {
	if s.mode(subject) != modeReadWrite {
		return 0, nil, errReadOnly(subject)
	}
	versions := s.versions(subject, false)
	for _, v := range versions {
		if v.identity == schema.identity {
			return v.id, nil, nil
		}
	}
	reasons, err := reasonsAgainst(s.level(subject), schema, versions)
	if err != nil {
		return 0, nil, err
	}
	if len(reasons) > 0 {
		return 0, nil, errIncompatible(reasons[0])
	}
	id := s.idOf(schema.identity)
	if id == 0 {
		id = s.lastID + 1
	}
	added := version{number: s.nextNumber(subject), id: id, text: schema.text}
	return id, []journalRecord{schemaRecord(subject, added)}, nil
}

// reasonsAgainst measures a schema against versions that the journal holds.
func reasonsAgainst(level string, schema avroSchema, versions []version) ([]string, error) {
	if level == levelNone {
		return nil, nil
	}
	olds := make([]earlier, 0, len(versions))
	for _, v := range versions {
		if v.schemaType != "" {
			return []string{fmt.Sprintf("version %d is of type %s", v.number, v.schemaType)}, nil
		}
		parsed, err := parseSchema(v.text)
		if err != nil {
			return []string{fmt.Sprintf("version %d cannot be parsed: %s", v.number, err)}, nil
		}
		olds = append(olds, earlier{v.number, parsed})
	}
	return incompatibilities(level, schema, olds), nil
}

// decideDeleteSubject gives the versions that go. A soft deletion also takes
// the subject's own level and mode, as Confluent's does.
func decideDeleteSubject(s *state, subject string, permanent bool) ([]int, []journalRecord, error) {
	all, live := s.versions(subject, true), s.versions(subject, false)
	switch {
	case len(all) == 0:
		return nil, nil, errSubject(subject)
	case s.mode(subject) != modeReadWrite:
		return nil, nil, errReadOnly(subject)
	case permanent && len(live) > 0:
		return nil, nil, errNotSoftlyDeleted(subject)
	case !permanent && len(live) == 0:
		return nil, nil, errSoftlyDeleted(subject)
	}
	if permanent {
		records := []journalRecord{lastIDRecord(s.lastID)}
		for _, v := range all {
			records = append(records, purgeRecord(subject, v.number))
		}
		return numbers(all), records, nil
	}
	records := []journalRecord{deleteSubjectRecord(subject, live[len(live)-1].number)}
	if _, ok := s.levels[subject]; ok {
		records = append(records, configRecord(subject, ""))
	}
	if _, ok := s.modes[subject]; ok {
		records = append(records, modeRecord(subject, ""))
	}
	return numbers(live), records, nil
}

// decideDeleteVersion gives the number of the version that goes.
func decideDeleteVersion(s *state, subject, number string, permanent bool) (int, []journalRecord, error) {
	v, err := findVersion(s, subject, number, true)
	switch {
	case err != nil:
		return 0, nil, err
	case s.mode(subject) != modeReadWrite:
		return 0, nil, errReadOnly(subject)
	case permanent && !v.deleted:
		return 0, nil, errVersionNotSoftlyDeleted(subject, v.number)
	case !permanent && v.deleted:
		return 0, nil, errVersionSoftlyDeleted(subject, v.number)
	}
	if permanent {
		return v.number, []journalRecord{lastIDRecord(s.lastID), purgeRecord(subject, v.number)}, nil
	}
	v.deleted = true
	return v.number, []journalRecord{schemaRecord(subject, v)}, nil
}

// findVersion resolves "latest", "-1" or a number. "latest" is the newest that
// is not deleted; with deleted it may be one that is, if no other is left.
func findVersion(s *state, subject, number string, deleted bool) (version, error) {
	n, err := parseVersion(number)
	if err != nil {
		return version{}, err
	}
	found := s.versions(subject, deleted)
	if len(found) == 0 {
		return version{}, errSubject(subject)
	}
	if n == latest {
		if live := s.versions(subject, false); len(live) > 0 {
			found = live
		}
		return found[len(found)-1], nil
	}
	for _, v := range found {
		if v.number == n {
			return v, nil
		}
	}
	return version{}, errVersion(n)
}

func numbers(versions []version) []int {
	out := []int{}
	for _, v := range versions {
		out = append(out, v.number)
	}
	return out
}
