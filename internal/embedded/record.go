package embedded

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Kinds of journal records, as Confluent's registry names them.
const (
	keySchema        = "SCHEMA"
	keyConfig        = "CONFIG"
	keyMode          = "MODE"
	keyDeleteSubject = "DELETE_SUBJECT"
	keyClearSubject  = "CLEAR_SUBJECT"
	keyNoop          = "NOOP"
)

// journalKey is the key of a journal record; the topic is compacted by it.
// Its fields stand in Confluent's order, because keys compare as bytes.
type journalKey struct {
	Keytype string
	Subject string // "" is null: the global configuration or mode
	Version int    // of SCHEMA only
	Magic   int
}

// journalValue is the union of the values; each kind uses its own fields.
type journalValue struct {
	Subject    string `json:"subject,omitempty"`
	Version    int    `json:"version,omitempty"`
	ID         int    `json:"id,omitempty"`
	SchemaType string `json:"schemaType,omitempty"`
	Schema     string `json:"schema,omitempty"`
	Deleted    *bool  `json:"deleted,omitempty"`
	Level      string `json:"compatibilityLevel,omitempty"`
	Mode       string `json:"mode,omitempty"`
	LastID     int    `json:"lastId,omitempty"`
}

// journalRecord is one change of state; a nil value takes the key away.
type journalRecord struct {
	key   journalKey
	value *journalValue
}

func schemaRecord(subject string, v version) journalRecord {
	deleted := v.deleted
	return journalRecord{
		journalKey{Keytype: keySchema, Subject: subject, Version: v.number, Magic: 1},
		&journalValue{
			Subject: subject, Version: v.number, ID: v.id,
			SchemaType: v.schemaType, Schema: v.text, Deleted: &deleted,
		},
	}
}

func purgeRecord(subject string, number int) journalRecord {
	return journalRecord{key: journalKey{Keytype: keySchema, Subject: subject, Version: number, Magic: 1}}
}

func deleteSubjectRecord(subject string, upTo int) journalRecord {
	return journalRecord{
		journalKey{Keytype: keyDeleteSubject, Subject: subject},
		&journalValue{Subject: subject, Version: upTo},
	}
}

// configRecord sets a level; "" as level takes the setting away.
func configRecord(subject, level string) journalRecord {
	r := journalRecord{key: journalKey{Keytype: keyConfig, Subject: subject}}
	if level != "" {
		r.value = &journalValue{Subject: subject, Level: level}
	}
	return r
}

// modeRecord sets a mode; "" as mode takes the setting away.
func modeRecord(subject, mode string) journalRecord {
	r := journalRecord{key: journalKey{Keytype: keyMode, Subject: subject}}
	if mode != "" {
		r.value = &journalValue{Subject: subject, Mode: mode}
	}
	return r
}

// lastIDRecord keeps the highest id known when the versions that carried it
// are purged. To Confluent's registry it is a NOOP, whose value it never reads.
func lastIDRecord(id int) journalRecord {
	return journalRecord{journalKey{Keytype: keyNoop, Magic: 1}, &journalValue{LastID: id}}
}

// endRecord marks how far a reader must read; it changes nothing.
func endRecord() journalRecord {
	return journalRecord{key: journalKey{Keytype: keyNoop}}
}

// encode gives the bytes of a record; value is nil for a tombstone.
func (r journalRecord) encode() (key, value []byte, err error) {
	form := struct {
		Keytype string  `json:"keytype"`
		Subject *string `json:"subject,omitempty"`
		Version int     `json:"version,omitempty"`
		Magic   int     `json:"magic"`
	}{Keytype: r.key.Keytype, Version: r.key.Version, Magic: r.key.Magic}
	if r.key.Subject != "" {
		form.Subject = &r.key.Subject
	}
	if r.key.Subject == "" && r.key.Keytype != keyNoop {
		// Confluent writes the global subject as an explicit null.
		key = fmt.Appendf(nil, `{"keytype":%q,"subject":null,"magic":%d}`, r.key.Keytype, r.key.Magic)
	} else if key, err = encodeJSON(form); err != nil {
		return nil, nil, err
	}
	if r.value != nil {
		if value, err = encodeJSON(r.value); err != nil {
			return nil, nil, err
		}
	}
	return key, value, nil
}

// decodeRecord reads a record that this or Confluent's registry wrote. The
// error says which part is not understood, without quoting it.
func decodeRecord(key, value []byte) (journalRecord, error) {
	var form struct {
		Keytype string `json:"keytype"`
		Subject string `json:"subject"`
		Version int    `json:"version"`
		Magic   int    `json:"magic"`
	}
	if err := json.Unmarshal(key, &form); err != nil {
		return journalRecord{}, fmt.Errorf("the key is not understood")
	}
	r := journalRecord{key: journalKey(form)}
	if value == nil {
		return r, nil
	}
	r.value = &journalValue{}
	if err := json.Unmarshal(value, r.value); err != nil {
		return journalRecord{}, fmt.Errorf("the value of a %s record is not understood", form.Keytype)
	}
	return r, nil
}

// encodeJSON leaves <, > and & as they are: a schema's length stays what it was.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
