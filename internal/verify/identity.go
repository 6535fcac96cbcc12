package verify

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// identitySpace is the name space of events that came without an id, as the
// reference says.
var identitySpace = uuid.MustParse("6b1f0c5e-522c-5d0b-9a37-1c438f5a7721")

// identityOf is the record's ce_id, or else UUIDv5 of topic, key and digest,
// each of the first two behind its length.
func identityOf(r *kgo.Record, topic string, digest func() ([]byte, error)) (string, error) {
	if id := header(r, "ce_id"); len(id) > 0 && len(id) <= 255 && usableKey(id) {
		return string(id), nil
	}
	d, err := digest()
	if err != nil {
		return "", err
	}
	return identityFrom(topic, r.Key, d), nil
}

func identityFrom(topic string, key, value []byte) string {
	var name []byte
	for _, part := range [][]byte{[]byte(topic), key} {
		name = append(binary.BigEndian.AppendUint32(name, uint32(len(part))), part...)
	}
	return uuid.NewSHA1(identitySpace, append(name, value...)).String()
}

const maxKey = 1024

// usableKey says whether bytes may be a key: the reference names the rules.
func usableKey(key []byte) bool {
	if len(key) == 0 || len(key) > maxKey || !utf8.Valid(key) || len(key) > 1 && key[0] == '_' && key[1] == '_' {
		return false
	}
	for _, c := range string(key) {
		if unicode.IsControl(c) {
			return false
		}
	}
	return true
}

// syntheticMark precedes the stored keys of rows of fictitious events.
const syntheticMark = "\x01"

func storedKey(r *kgo.Record, key string) string {
	if string(header(r, "ce_synthetic")) == "true" {
		return syntheticMark + key
	}
	return key
}
