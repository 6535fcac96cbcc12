package verify

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
)

// Audit names the topics of the audit, who chains it, and the key that ends
// are signed with; without a key signatures are not checked.
type Audit struct {
	Group, Received, Chain, Head string // topics; codecs are those of the audit's own
	Names                        AuditNames
	Key                          ed25519.PublicKey
}

// AuditNames are the audit's own topics, whose schemas copies are read with.
type AuditNames struct{ Received, Chain, Head string }

// link is the end of one chain, as far as it holds.
type link struct {
	number int64
	hash   string
	broken bool
}

// auditRun is one check of the audit.
type auditRun struct {
	c       *Check
	key     ed25519.PublicKey
	heads   map[string]map[int64]events.AuditSigned // by chain and number
	chains  map[string]*link
	entries map[[16]byte]int // received, less chained
	broken  bool
}

// AuditChain follows each chain of the audit, and holds it to its signed ends
// and to what was received.
func (l *Log) AuditChain(ctx context.Context, a Audit) (*Check, error) {
	run := auditRun{c: newCheck("audit"), key: a.Key, heads: map[string]map[int64]events.AuditSigned{}, chains: map[string]*link{}, entries: map[[16]byte]int{}}
	if a.Key == nil {
		run.c.undecided("signatures: neither the deployment's secret nor its public key is here")
	}
	chained, err := l.committed(ctx, []Follower{{a.Group, a.Names.Received}})
	if err != nil {
		return nil, err
	}
	heads, chain, received, err := l.auditParts(&run, a)
	if err != nil {
		return nil, err
	}
	up := func(topic string, part func(int32, span) span) (spans, error) {
		held, err := l.held(ctx, false, topic)
		if err == nil && held[topic] == nil {
			err = fmt.Errorf("topic %s does not exist", topic)
		}
		for p, s := range held[topic] {
			held.set(topic, p, part(p, s))
		}
		return held, err
	}
	whole := func(_ int32, s span) span { return s }
	at := func(p int32) int64 { return chained.at(Follower{a.Group, a.Names.Received}, p) }
	cut := false
	for _, step := range []struct {
		topic string
		part  func(int32, span) span
		each  func(*kgo.Record) error
	}{
		{a.Head, whole, heads},
		{a.Received, func(p int32, s span) span { cut = cut || s.from > 0; return span{s.from, min(s.to, at(p))} }, received(1)},
		{a.Chain, whole, chain},
	} {
		held, err := up(step.topic, step.part)
		if err == nil {
			err = l.read(ctx, held, false, step.each)
		}
		if err != nil {
			return nil, err
		}
	}
	// What was chained meanwhile has been received by now.
	late, err := up(a.Received, func(p int32, s span) span { return span{max(s.from, at(p)), s.to} })
	if err == nil {
		err = l.read(ctx, late, false, received(0))
	}
	run.done(cut)
	return run.c, err
}

func (l *Log) auditParts(run *auditRun, a Audit) (heads, chain func(*kgo.Record) error, received func(int) func(*kgo.Record) error, err error) {
	readHead, _, err1 := decoder(codecs.NewAvro[events.AuditSigned](a.Names.Head, eventBytes), l.Schemas, a.Names.Head)
	readLink, _, err2 := decoder(codecs.NewAvro[events.AuditChained](a.Names.Chain, 4*eventBytes), l.Schemas, a.Names.Chain)
	readEntry, _, err3 := decoder(codecs.NewAvro[events.AuditReceived](a.Names.Received, 4*eventBytes), l.Schemas, a.Names.Received)
	for _, e := range []error{err1, err2, err3} {
		if e != nil {
			return nil, nil, nil, e
		}
	}
	heads = eachOf(run.c, readHead, run.head)
	chain = eachOf(run.c, readLink, run.link)
	received = func(counts int) func(*kgo.Record) error {
		return eachOf(run.c, readEntry, func(_ *kgo.Record, e events.AuditReceived) { run.received(e, counts) })
	}
	return heads, chain, received, nil
}

func eachOf[T any](c *Check, read func([]byte) (T, error), each func(*kgo.Record, T)) func(*kgo.Record) error {
	return func(r *kgo.Record) error {
		v, err := read(r.Value)
		switch {
		case err == nil:
			each(r, v)
		case faulty(err):
			c.found("unreadable", r.Topic, "", place(r))
		default:
			return err
		}
		return nil
	}
}

func (run *auditRun) head(r *kgo.Record, h events.AuditSigned) {
	run.c.Counts["signed"]++
	if run.heads[h.Chain] == nil {
		run.heads[h.Chain] = map[int64]events.AuditSigned{}
	}
	run.heads[h.Chain][h.Number] = h
	if run.key == nil {
		return
	}
	text := fmt.Sprintf("%s\n%d\n%s\n%s", h.Chain, h.Number, h.Hash, h.Day)
	signature, err := base64.StdEncoding.DecodeString(h.Signature)
	if err != nil || !ed25519.Verify(run.key, []byte(text), signature) {
		run.c.found("bad signature", "chain "+h.Chain, "", place(r))
	}
}

func (run *auditRun) link(r *kgo.Record, e events.AuditChained) {
	run.c.Counts["chained"]++
	end := run.chains[e.Chain]
	if end == nil {
		end = &link{}
		run.chains[e.Chain] = end
	}
	if end.broken {
		return
	}
	if e.Number != end.number+1 || e.Before != end.hash || e.Hash != hashOfLink(e) {
		end.broken, run.broken = true, true
		run.c.found("broken audit link", "chain "+e.Chain, "", place(r))
		return
	}
	end.number, end.hash = e.Number, e.Hash
	if h, signed := run.heads[e.Chain][e.Number]; signed {
		if h.Hash != e.Hash {
			end.broken, run.broken = true, true
			run.c.found("not what was signed", "chain "+e.Chain, "", place(r))
		}
		delete(run.heads[e.Chain], e.Number)
	}
	var entry events.AuditReceived
	if json.Unmarshal([]byte(e.Entry), &entry) == nil {
		run.entries[entrySum(entry)]--
	}
}

// hashOfLink is SHA-256 over the hash before (32 bytes, zeros for the first),
// the number (8 bytes, big endian) and the entry.
func hashOfLink(e events.AuditChained) string {
	before := make([]byte, sha256.Size)
	if b, err := hex.DecodeString(e.Before); err == nil {
		copy(before, b)
	}
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(before, uint64(e.Number)), e.Entry...))
	return hex.EncodeToString(sum[:])
}

func entrySum(e events.AuditReceived) [16]byte {
	text, _ := json.Marshal(e) // texts and numbers always marshal
	sum := sha256.Sum256(text)
	return [16]byte(sum[:16])
}

// received counts a record that must be in a chain; with 0 it may be.
func (run *auditRun) received(e events.AuditReceived, counts int) {
	run.c.Counts["received"]++
	key := entrySum(e)
	if counts == 0 && run.entries[key] >= 0 {
		return
	}
	run.entries[key]++
}

// done says what is left. What no longer lies in audit.received cannot be
// compared, and of a broken chain nothing more is said.
func (run *auditRun) done(cut bool) {
	if run.broken {
		return
	}
	for chain, heads := range run.heads {
		for range heads {
			run.c.found("signed end missing", "chain "+chain, "", "")
		}
	}
	for _, n := range run.entries {
		switch {
		case n > 0:
			run.c.found("not in a chain", "audit", "", "")
		case n < 0 && !cut:
			run.c.found("never received", "audit", "", "")
		}
	}
}
