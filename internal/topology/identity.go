package topology

import (
	"crypto/sha1" //nolint:gosec // RFC 9562 defines UUIDv5 on SHA-1
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// identitySpace is the UUIDv5 name space of events without a ce_id.
var identitySpace = [16]byte{0x6b, 0x1f, 0x0c, 0x5e, 0x52, 0x2c, 0x5d, 0x0b, 0x9a, 0x37, 0x1c, 0x43, 0x8f, 0x5a, 0x77, 0x21}

const maxIDBytes = 255

// identity is the record's ce_id, or else UUIDv5 of topic, key and decoded
// value. The same event sent twice has one identity, whatever its bytes.
func (b *Bound) identity(in int, rec *Raw, event Event) (string, error) {
	if id := rec.Header(HeaderID); len(id) > 0 && len(id) <= maxIDBytes && keyFault(id) == "" {
		return string(id), nil
	}
	digest, err := b.inputs[in].Digest(event)
	if err != nil {
		return "", err
	}
	return UUIDv5(b.Inputs[in].Topic.Name, string(rec.Key), digest), nil
}

// UUIDv5 names an event by its topic, its key and the digest of its value.
// Lengths go in front, so that no two triples run together.
func UUIDv5(topic, key string, digest []byte) string {
	buf := make([]byte, 0, 256)
	buf = append(buf, identitySpace[:]...)
	for _, part := range []string{topic, key} {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(part)))
		buf = append(buf, part...)
	}
	sum := sha1.Sum(append(buf, digest...)) //nolint:gosec // see the import
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	var out [36]byte
	hex.Encode(out[0:8], sum[0:4])
	hex.Encode(out[9:13], sum[4:6])
	hex.Encode(out[14:18], sum[6:8])
	hex.Encode(out[19:23], sum[8:10])
	hex.Encode(out[24:36], sum[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// spaceEnd stands between a space of identities and an identity, which holds
// no control character.
const spaceEnd = "\x1f"

// IdentityRow is the key of the row of an identity within a space.
func IdentityRow(space, id string) string { return space + spaceEnd + id }

// IdentityOf is the identity of such a row, or of one without a space.
func IdentityOf(key string) string { return key[strings.LastIndex(key, spaceEnd)+1:] }

// KeyFault says why a record with this key, or an event with this id, would
// not be folded: "" where it would. It never repeats the key.
func KeyFault(key []byte) string { return keyFault(key) }
