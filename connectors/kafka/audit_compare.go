package kafka

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/processors"
)

// auditComparison holds chains against their signed ends, and against what was
// received.
type auditComparison struct {
	check   *processors.AuditCheck
	chained map[int32]int64 // next offset of audit.received that no chain holds
	chains  map[string]*ChainReport
	entries map[auditSum]*entryPlace
	report  AuditReport
	lost    finding
	twice   finding
	bad     finding
}

// entryPlace is where a record is in the chains.
type entryPlace struct {
	chain  *ChainReport
	number int64
	times  int32 // in chains, less those that were received
}

// finding is the first of its kind, and how many there are.
type finding struct {
	first string
	count int64
}

func (f *finding) add(format string, args ...any) {
	if f.count++; f.count == 1 {
		f.first = fmt.Sprintf(format, args...)
	}
}

// auditSum stands for a record, however it was written.
type auditSum [16]byte

func sumOf(e events.AuditReceived) auditSum {
	text, _ := json.Marshal(e) // texts and numbers always marshal
	sum := sha256.Sum256(text)
	return auditSum(sum[:16])
}

func newAuditComparison(key ed25519.PublicKey, chained map[int32]int64) *auditComparison {
	return &auditComparison{check: processors.NewAuditCheck(key), chained: chained, chains: map[string]*ChainReport{}, entries: map[auditSum]*entryPlace{},
		report: AuditReport{Chains: []ChainReport{}, Broken: []string{}}}
}

func (c *auditComparison) chain(name string) *ChainReport {
	if c.chains[name] == nil {
		c.chains[name] = &ChainReport{Chain: name}
	}
	return c.chains[name]
}

func (c *auditComparison) link(_ *kgo.Record, r events.AuditChained) {
	chain := c.chain(r.Chain)
	if broken := c.check.Link(r); broken != "" {
		chain.Broken = broken
	}
	if chain.Broken == "" {
		chain.Records++
	}
	var e events.AuditReceived
	if json.Unmarshal([]byte(r.Entry), &e) != nil {
		return // its hash is right or was found wrong; it is of nothing that was received
	}
	sum := sumOf(e)
	if c.entries[sum] == nil {
		c.entries[sum] = &entryPlace{chain: chain, number: r.Number}
	}
	c.entries[sum].times++
}

func (c *auditComparison) head(_ *kgo.Record, h events.AuditSigned) {
	c.report.Heads++
	if broken := c.check.Head(h); broken != "" && c.chain(h.Chain).Broken == "" {
		c.chain(h.Chain).Broken = broken
	}
}

func (c *auditComparison) take(r *kgo.Record, e events.AuditReceived) {
	c.report.Received++
	switch at := c.entries[sumOf(e)]; {
	case at != nil && at.times > 0:
		at.times--
	case r.Offset < c.chained[r.Partition]:
		c.lost.add("record %d/%d of audit.received is in no chain", r.Partition, r.Offset)
	default:
		c.report.Waiting++
	}
}

func (c *auditComparison) unreadable(r *kgo.Record, err error) {
	c.bad.add("record %d/%d of %s does not decode: %v", r.Partition, r.Offset, r.Topic, err)
}

// done says what was found. What no longer lies in audit.received cannot be
// compared.
func (c *auditComparison) done(received map[int32]span) AuditReport {
	whole := true
	for _, s := range received {
		whole = whole && s.from == 0
	}
	for _, at := range c.entries {
		if whole && at.times > 0 && at.chain.Broken == "" {
			c.twice.add("record %d of chain %s was never received, or is there twice", at.number, at.chain.Chain)
		}
	}
	r := c.report
	r.Whole = true
	for _, name := range slices.Sorted(maps.Keys(c.chains)) {
		chain := *c.chains[name]
		r.Chains = append(r.Chains, chain)
		r.Records += chain.Records
		r.Whole = r.Whole && chain.Broken == ""
	}
	for _, f := range []finding{c.lost, c.twice, c.bad} {
		if f.count == 0 {
			continue
		}
		text := f.first
		if f.count > 1 {
			text += fmt.Sprintf(", and %d more", f.count-1)
		}
		r.Broken, r.Whole = append(r.Broken, text), false
	}
	return r
}
