package processors

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// withheldTime stands for a time that may not be seen: an event needs one.
const withheldTime events.Instant = 1

var errNoSecret = &events.Fault{ReasonCode: "UNREDACTABLE", At: "/key", Reason: "the key may not be seen, and there is no secret to hash it with"}

// Envelope is the redacted copy of an event: body, key, subject, tags,
// extensions and metadata. With an error nothing may leave.
func (m *Mask) Envelope(e events.Envelope) (events.Envelope, error) {
	body, err := m.Body([]byte(e.Body))
	if err != nil {
		return events.Envelope{}, err
	}
	key, err := m.keyOf(e)
	if err != nil {
		return events.Envelope{}, err
	}
	subject, err := m.subjectOf(e)
	if err != nil {
		return events.Envelope{}, err
	}
	id := events.ID(e.ID)
	if !m.sees("id") {
		if id, err = m.hashed(m.metadata["id"], id); err != nil {
			return events.Envelope{}, err
		}
	}
	e.ID, e.Key, e.EventSubject, e.Body, e.Digest = string(id), key, subject, events.Body(body), ""
	m.attributes(&e)
	return e, nil
}

// attributes withholds what is left: synthetic and typeVersion, which say
// nothing about anybody, always stay.
func (m *Mask) attributes(e *events.Envelope) {
	hide(m, "eventType", &e.Type)
	hide(m, "transactionId", &e.TransactionID)
	hide(m, "transactionType", &e.TransactionType)
	hide(m, "userId", &e.UserID)
	hide(m, "sourceSystem", &e.SourceSystem)
	hide(m, "publisher", &e.Publisher)
	if !m.sees("time") {
		e.At = withheldTime
	}
	if !m.sees("receivedAt") {
		e.ReceivedAt = withheldTime
	}
	e.Tags = slices.Clone(e.Tags)
	if !m.sees("tags") {
		e.Tags = []string{events.Redacted}
	}
	e.Extensions = m.extensions(e.Extensions)
}

func hide[T ~string](m *Mask, name string, v *T) {
	if !m.sees(name) {
		*v = events.Redacted
	}
}

func (m *Mask) sees(name string) bool { return m.shown[name] }

// extensions keeps the names that a line classifies; another name is the
// producer's own choice, and may be data itself.
func (m *Mask) extensions(all map[string]string) map[string]string {
	if len(all) == 0 {
		return all
	}
	out := make(map[string]string, len(all))
	hidden := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		_, classed := m.metadata[name]
		_, ours := tables.MetadataClasses[name] // whose class is not one for what a producer says
		switch {
		case ours:
			hidden++
		case m.sees(name):
			out[name] = all[name]
		case classed:
			out[name] = events.Redacted
		default:
			hidden++
		}
	}
	for n := 1; hidden > 0; n++ {
		name := "redacted"
		if n > 1 {
			name = fmt.Sprint("redacted", n)
		}
		if _, taken := m.metadata[name]; !taken {
			out[name] = events.Redacted
			hidden--
		}
	}
	return out
}

// keyOf is the key, or its keyed hash. A key that is the same text as other
// metadata that may not be seen is hashed too.
func (m *Mask) keyOf(e events.Envelope) (events.ID, error) {
	class, open := m.keyClass, m.keyOpen
	if !m.keyField {
		class, open = m.subjectClass()
		if e.EventSubject == nil {
			class = m.metadata["transactionId"]
			open = m.sees("transactionId") && string(e.Key) == e.TransactionID
		}
	}
	if c, set := m.metadata["key"]; set {
		class, open = c, m.sees("key")
	}
	_, subjectOpen := m.subjectClass()
	same := e.EventSubject != nil && *e.EventSubject == e.Key && !subjectOpen ||
		string(e.Key) == e.TransactionID && !m.sees("transactionId") || e.Key == e.UserID && !m.sees("userId")
	if open && !same {
		return e.Key, nil
	}
	return m.hashed(class, e.Key)
}

// subjectOf is the subject, or its keyed hash.
func (m *Mask) subjectOf(e events.Envelope) (*events.ID, error) {
	if e.EventSubject == nil {
		return nil, nil
	}
	subject := *e.EventSubject
	class, open := m.subjectClass()
	if !open {
		var err error
		if subject, err = m.hashed(class, subject); err != nil {
			return nil, err
		}
	}
	return &subject, nil
}

// subjectClass is that of the key field, unless the type says otherwise.
func (m *Mask) subjectClass() (class string, open bool) {
	if c, set := m.metadata["subject"]; set {
		return c, m.sees("subject")
	}
	return m.keyClass, m.keyOpen
}

// A hashed key is 24 bytes of the keyed hash and 8 that show, to those who
// have the secret, that it is one.
const (
	keyHashBytes  = 24
	keyCheckBytes = 8
)

// hashed is the same for one entity within the mask's space, whatever the type
// and the reader, so that joins and order stay. Of a hashed key it is that key: a copy may be
// redacted again.
func (m *Mask) hashed(class string, key events.ID) (events.ID, error) {
	if m.hashes == nil {
		return "", errNoSecret
	}
	h := m.hashes.Get().(hash.Hash)
	defer m.hashes.Put(h)
	var space [keyHashBytes + keyCheckBytes + sha256.Size]byte
	if given, err := hex.AppendDecode(space[:0], []byte(key)); err == nil && len(given) == keyHashBytes+keyCheckBytes {
		if sum := given[:keyHashBytes]; hmac.Equal(check(h, sum), given[keyHashBytes:]) {
			return key, nil
		}
	}
	class = m.space + class
	text := append(binary.BigEndian.AppendUint32(make([]byte, 0, 256), uint32(len(class))), class...)
	h.Reset()
	h.Write(append(text, key...))
	sum := h.Sum(space[:0])[:keyHashBytes]
	return events.ID(hex.EncodeToString(append(sum, check(h, sum)...))), nil
}

// check is a keyed hash of a keyed hash; no class is as long as its first
// bytes say, so that no key has it.
func check(h hash.Hash, sum []byte) []byte {
	h.Reset()
	h.Write([]byte{0xff, 0xff, 0xff, 0xff})
	h.Write(sum)
	return h.Sum(nil)[:keyCheckBytes]
}
