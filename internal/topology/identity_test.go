package topology_test

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // UUIDv5 is defined on SHA-1
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"payerflow/internal/topology"
)

var uuidV5 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestUUIDv5IsAUUIDOfVersionFive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic, key, digest := rapid.String().Draw(t, "topic"), rapid.String().Draw(t, "key"), rapid.SliceOf(rapid.Byte()).Draw(t, "digest")
		id := topology.UUIDv5(topic, key, digest)
		if !uuidV5.MatchString(id) {
			t.Fatalf("%s is no UUIDv5", id)
		}
		if id != topology.UUIDv5(topic, key, bytes.Clone(digest)) {
			t.Fatal("the same parts give two ids")
		}
	})
}

func TestUUIDv5DiffersWithEachPart(t *testing.T) {
	type triple struct{ topic, key, digest string }
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[ab\x00\x01]{0,4}`)
		draw := func(n string) triple { return triple{part.Draw(t, n), part.Draw(t, n), part.Draw(t, n)} }
		a, b := draw("a"), draw("b")
		same := topology.UUIDv5(a.topic, a.key, []byte(a.digest)) == topology.UUIDv5(b.topic, b.key, []byte(b.digest))
		if same != (a == b) {
			t.Fatalf("%q and %q: same id is %v", a, b, same)
		}
	})
}

func TestUUIDv5LengthsDoNotRunTogether(t *testing.T) {
	seen := map[string][3]string{}
	for _, text := range []string{"", "a", "ab", "abc", "abcd", "\x00\x00\x00\x01a"} {
		for i := range len(text) + 1 {
			for j := i; j <= len(text); j++ {
				parts := [3]string{text[:i], text[i:j], text[j:]}
				id := topology.UUIDv5(parts[0], parts[1], []byte(parts[2]))
				if other, ok := seen[id]; ok && other != parts {
					t.Errorf("%q and %q are one id", other, parts)
				}
				seen[id] = parts
			}
		}
	}
}

// The name space is permanent: another one would give every event without a
// ce_id another identity.
func TestUUIDv5IsPermanent(t *testing.T) {
	space, _ := hex.DecodeString("6b1f0c5e522c5d0b9a371c438f5a7721")
	sum := sha1.Sum(append(space, "\x00\x00\x00\x01t\x00\x00\x00\x01kd"...)) //nolint:gosec // see the import
	got := strings.ReplaceAll(topology.UUIDv5("t", "k", []byte("d")), "-", "")
	want := hex.EncodeToString(sum[:16])
	if got[:12] != want[:12] || got[13:16] != want[13:16] || got[17:] != want[17:] {
		t.Errorf("id %s, want %s but for version and variant", got, want)
	}
}
