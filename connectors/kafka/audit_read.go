package kafka

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// AuditReader reads the audit for those who check it and ask it.
type AuditReader struct {
	Brokers []string
	Schemas topology.Schemas
	Options []kgo.Opt
	Passed  func(int64) // counts offsets on the way to Total
	Total   func(int64)
	// Received, Chain and Head name other topics, such as a copy that was put
	// aside; "" are the audit's own.
	Received, Chain, Head string
}

// AuditLedger is the audit as doors ask it: each question has a reader of its
// own, and signed ends are checked with one key.
type AuditLedger struct {
	Reader AuditReader
	Key    ed25519.PublicKey
}

// Query is AuditReader.Query.
func (l AuditLedger) Query(ctx context.Context, since time.Time, takes func(events.AuditReceived) bool, each func(events.AuditReceived)) (unreadable int, err error) {
	return l.Reader.Query(ctx, since, takes, each)
}

// Check is AuditReader.Verify with the ledger's key. What looks broken is looked
// at again: brokers may show a transaction's offsets before its records.
func (l AuditLedger) Check(ctx context.Context) (AuditReport, error) {
	report, err := l.Reader.Verify(ctx, l.Key)
	for range auditLooks - 1 {
		if err != nil || report.Whole {
			break
		}
		select {
		case <-ctx.Done():
			return report, fmt.Errorf("%w: %w", ErrUndecided, ctx.Err())
		case <-time.After(time.Second):
		}
		report, err = l.Reader.Verify(ctx, l.Key)
	}
	return report, err
}

// auditLooks is how often an audit has to look broken to be called so.
const auditLooks = 3

// ErrUndecided says that the audit could not be read whole.
var ErrUndecided = errors.New("the audit could not be read whole")

// AuditReport is what a check found.
type AuditReport struct {
	Chains   []ChainReport `json:"chains"`
	Records  int64         `json:"records"`  // in chains
	Received int64         `json:"received"` // that audit.received still holds
	Waiting  int64         `json:"waiting"`  // received, and not chained yet
	Heads    int64         `json:"heads"`    // signed
	Broken   []string      `json:"broken"`   // what else is wrong
	Whole    bool          `json:"whole"`
}

// ChainReport is one chain and its first broken link.
type ChainReport struct {
	Chain   string `json:"chain"`
	Records int64  `json:"records"` // in order from the beginning
	Broken  string `json:"broken,omitempty"`
}

func (a *AuditReader) names() (received, chain, head string) {
	or := func(name, own string) string {
		if name == "" {
			return own
		}
		return name
	}
	return or(a.Received, topologies.AuditReceived.Topic.Name), or(a.Chain, topologies.AuditChain.Topic.Name), or(a.Head, topologies.AuditHead.Topic.Name)
}

// Verify follows all chains from their beginning, checks their signed ends, and
// compares them with what was received and is still there. An error wraps
// ErrUndecided: it says nothing about the audit.
func (a *AuditReader) Verify(ctx context.Context, key ed25519.PublicKey) (AuditReport, error) {
	r, err := a.verify(ctx, key)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUndecided, err)
	}
	return r, err
}

func (a *AuditReader) verify(ctx context.Context, key ed25519.PublicKey) (AuditReport, error) {
	received, chain, head := a.names()
	held, chained, err := a.bounds(ctx, received, chain, head)
	if err != nil {
		return AuditReport{}, err
	}
	c := newAuditComparison(key, chained)
	for _, part := range []struct {
		topic string
		each  func(*kgo.Record) error
	}{{chain, eachAudit(a, topologies.AuditChain, c.link, c.unreadable)}, {head, eachAudit(a, topologies.AuditHead, c.head, c.unreadable)},
		{received, eachAudit(a, topologies.AuditReceived, c.take, c.unreadable)}} {
		if err := a.scan(ctx, spans{part.topic: held[part.topic]}, part.each); err != nil {
			return AuditReport{}, err
		}
	}
	return c.done(held[received]), nil
}

// bounds are what the topics hold, and how far audit.received was chained. They
// are asked for in this order: what counts as chained is in the chains that are
// read, and what is in a chain is in what is read of audit.received.
func (a *AuditReader) bounds(ctx context.Context, received, chain, head string) (spans, map[int32]int64, error) {
	c, err := Dial(ctx, a.Brokers, a.Options...)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	chained := map[int32]int64{}
	offsets, err := c.admin.FetchOffsetsForTopics(ctx, topologies.Audit.Name, topologies.AuditReceived.Topic.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("offsets of group %s: %w", topologies.Audit.Name, err)
	}
	for p, o := range offsets[topologies.AuditReceived.Topic.Name] {
		if o.Err != nil {
			return nil, nil, fmt.Errorf("offsets of group %s: %w", topologies.Audit.Name, o.Err)
		}
		chained[p] = max(0, o.At)
	}
	held := spans{}
	for _, topic := range []string{chain, head, received} {
		s, err := c.spans(ctx, time.Time{}, topic)
		if err != nil {
			return nil, nil, err
		}
		if s[topic] == nil {
			return nil, nil, fmt.Errorf("topic %s does not exist", topic)
		}
		held[topic] = s[topic]
	}
	if a.Total != nil {
		a.Total(held.size())
	}
	return held, chained, nil
}

func (a *AuditReader) scan(ctx context.Context, todo spans, each func(*kgo.Record) error) error {
	return scanner{brokers: a.Brokers, opts: a.Options, passed: a.Passed}.scan(ctx, todo, each)
}

// eachAudit decodes records of a stream. What does not decode is told.
func eachAudit[T topology.Event](a *AuditReader, s topology.Stream[T], each func(*kgo.Record, T), unreadable func(*kgo.Record, error)) func(*kgo.Record) error {
	serde, err := s.Codec.Bind(a.Schemas, s.Topic.Name)
	return func(r *kgo.Record) error {
		if err != nil {
			return err
		}
		v, fault := serde.Decode(r.Value)
		switch {
		case errors.Is(fault, topology.ErrUnavailable):
			return fault
		case fault != nil:
			unreadable(r, fault)
		default:
			each(r, v)
		}
		return nil
	}
}

// Query calls each for the records that the choice takes, partition by
// partition in order, from the beginning or since a time.
func (a *AuditReader) Query(ctx context.Context, since time.Time, takes func(events.AuditReceived) bool, each func(events.AuditReceived)) (unreadable int, err error) {
	received, _, _ := a.names()
	c, err := Dial(ctx, a.Brokers, a.Options...)
	if err != nil {
		return 0, err
	}
	todo, err := c.spans(ctx, since, received)
	c.Close()
	switch {
	case err != nil:
		return 0, err
	case todo[received] == nil:
		return 0, fmt.Errorf("topic %s: %w", received, ErrTopicMissing)
	}
	if a.Total != nil {
		a.Total(todo.size())
	}
	err = a.scan(ctx, todo, eachAudit(a, topologies.AuditReceived, func(_ *kgo.Record, e events.AuditReceived) {
		if takes(e) {
			each(e)
		}
	}, func(*kgo.Record, error) { unreadable++ }))
	return unreadable, err
}
