package topologies_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// audited runs records through the group, day by day, and returns what it wrote.
func audited(t *testing.T, days, each int) (links []events.AuditChained, heads []events.AuditSigned, signer processors.AuditSigner) {
	t.Helper()
	memory := &codecs.Memory{}
	signer = processors.NewAuditSigner([]byte(strings.Repeat("s", 32)))
	start := time.Date(2026, 2, 27, 23, 0, 0, 0, time.UTC)
	d, err := topology.NewDriver([]topology.Declared{topologies.Audit.Declare()}, memory, start)
	if err != nil {
		t.Fatal(err)
	}
	d.Pins = map[string]func() (topology.Pinned, error){topologies.Audit.Name: func() (topology.Pinned, error) { return signer, nil }}
	received, err := topologies.AuditReceived.Codec.Bind(memory, topologies.AuditReceived.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	for day := range days {
		now := start.AddDate(0, 0, day)
		if err := d.Advance(now); err != nil {
			t.Fatal(err)
		}
		for i := range each {
			id := fmt.Sprintf("a-%d-%d", day, i)
			value, err := received.Encode(events.AuditReceived{ID: id, At: events.InstantOf(now), Actor: "t1", Act: "view.read", Decision: events.AuditAllow})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Pipe(topology.Raw{Topic: topologies.AuditReceived.Topic.Name, Key: []byte(id), Value: value, Timestamp: now}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.Advance(start.AddDate(0, 0, days+5)); err != nil {
		t.Fatal(err)
	}
	for _, w := range d.Took() {
		if w.Parked != nil {
			t.Fatalf("parked: %s %s", w.Parked.Code, w.Parked.Reason)
		}
		switch w.Topic {
		case topologies.AuditChain.Topic.Name:
			links = append(links, decoded(t, memory, topologies.AuditChain, w.Value))
		case topologies.AuditHead.Topic.Name:
			heads = append(heads, decoded(t, memory, topologies.AuditHead, w.Value))
		}
	}
	return links, heads, signer
}

func decoded[E topology.Event](t *testing.T, s topology.Schemas, from topology.Stream[E], value []byte) E {
	t.Helper()
	serde, err := from.Codec.Bind(s, from.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	e, err := serde.Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// faultsOf checks links and heads as a reader would.
func faultsOf(signer processors.AuditSigner, links []events.AuditChained, heads []events.AuditSigned) (faults []string) {
	c := processors.NewAuditCheck(signer.Public())
	for _, l := range links {
		faults = append(faults, c.Link(l))
	}
	for _, h := range heads {
		faults = append(faults, c.Head(h))
	}
	var out []string
	for _, f := range faults {
		if f != "" {
			out = append(out, f)
		}
	}
	return out
}

func TestAuditIsChainedAndSignedDaily(t *testing.T) {
	links, heads, signer := audited(t, 3, 4)
	if len(links) != 12 || len(heads) != 3 || links[0].Before != "" || links[0].Number != 1 {
		t.Fatalf("%d records, %d signed ends", len(links), len(heads))
	}
	for i, h := range heads {
		if h.Number != int64(4*(i+1)) || h.Day.String() != time.Date(2026, 2, 27+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) {
			t.Errorf("signed end %d: number %d of %s", i, h.Number, h.Day)
		}
	}
	if faults := faultsOf(signer, links, heads); len(faults) > 0 {
		t.Errorf("faults in a whole chain: %v", faults)
	}
}

// TestTamperingIsFound changes one thing at a time.
func TestTamperingIsFound(t *testing.T) {
	other := processors.NewAuditSigner([]byte(strings.Repeat("x", 32)))
	rehash := func(links []events.AuditChained, from int) {
		for i := from; i < len(links); i++ {
			if i > 0 {
				links[i].Before = links[i-1].Hash
			}
			links[i].Hash = processors.AuditHash(links[i].Before, links[i].Number, []byte(links[i].Entry))
		}
	}
	for name, tamper := range map[string]func([]events.AuditChained, []events.AuditSigned) ([]events.AuditChained, []events.AuditSigned){
		"an entry": func(l []events.AuditChained, h []events.AuditSigned) ([]events.AuditChained, []events.AuditSigned) {
			l[5].Entry = strings.Replace(l[5].Entry, "ALLOW", "DENY", 1)
			return l, h
		},
		"an entry, and all hashes after it": func(l []events.AuditChained, h []events.AuditSigned) ([]events.AuditChained, []events.AuditSigned) {
			l[5].Entry = strings.Replace(l[5].Entry, "ALLOW", "DENY", 1)
			rehash(l, 5)
			return l, h
		},
		"one taken out": func(l []events.AuditChained, h []events.AuditSigned) ([]events.AuditChained, []events.AuditSigned) {
			return append(l[:3:3], l[4:]...), h
		},
		"the last ones taken out": func(l []events.AuditChained, h []events.AuditSigned) ([]events.AuditChained, []events.AuditSigned) {
			return l[:9], h
		},
		"two swapped": func(l []events.AuditChained, h []events.AuditSigned) ([]events.AuditChained, []events.AuditSigned) {
			l[2], l[3] = l[3], l[2]
			return l, h
		},
		"a signature of another deployment": func(l []events.AuditChained, h []events.AuditSigned) ([]events.AuditChained, []events.AuditSigned) {
			h[1] = signedBy(other, h[1])
			return l, h
		},
	} {
		t.Run(name, func(t *testing.T) {
			links, heads, signer := audited(t, 3, 4)
			links, heads = tamper(links, heads)
			if faults := faultsOf(signer, links, heads); len(faults) == 0 {
				t.Error("not found")
			}
		})
	}
}

// signedBy signs an end anew with another key.
func signedBy(s processors.AuditSigner, h events.AuditSigned) events.AuditSigned {
	_, out := processors.SignHead(tables.AuditHead{Number: h.Number, Hash: h.Hash, Day: h.Day}, topology.Waking{Key: h.Chain, Clock: h.At.Time(), Pinned: s})
	return out[0].Value.(events.AuditSigned)
}
