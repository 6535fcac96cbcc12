// Package traffic answers: what would a plausible stream of claims look like.
// It makes up lives of claims from a seed; nothing in it is about anybody.
package traffic

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"payerflow/events"
)

// Event is one made-up event: a body in the catalogue's JSON form, and an
// identity that is the same whenever the same seed makes it again.
type Event struct {
	ID   string
	Body []byte
}

// Generator walks claims through their lives, many at a time. The same seed
// and first claim give the same lives. It is for one goroutine.
type Generator struct {
	seed uint64
	next uint64
	rng  *rand.Rand
	open []*life
}

// inFlight is how many claims are under way at a time.
const inFlight = 40

// New starts with claim number first, so that a later run goes on where an
// earlier one ended.
func New(seed, first uint64) *Generator {
	return &Generator{seed: seed, next: first, rng: rand.New(rand.NewPCG(seed, first))}
}

// NextClaim is the number of the claim that will be opened next.
func (g *Generator) NextClaim() uint64 { return g.next }

// Next is the next event of some claim; now is its event time.
func (g *Generator) Next(now time.Time) Event {
	if len(g.open) < inFlight {
		g.open = append(g.open, newLife(g.seed, g.next))
		g.next++
	}
	i := g.rng.IntN(len(g.open))
	l := g.open[i]
	e := l.step(now.UTC().Truncate(time.Microsecond))
	if len(l.script) == 0 {
		g.open[i] = g.open[len(g.open)-1]
		g.open = g.open[:len(g.open)-1]
	}
	return e
}

// life is one claim from submission to its end.
type life struct {
	seed, number uint64
	rng          *rand.Rand
	script       []func(*life, time.Time) map[string]any
	done         int

	claim, member, provider, plan, auth string
	billed, allowed, paid               events.Money
}

func newLife(seed, number uint64) *life {
	l := &life{seed: seed, number: number, rng: rand.New(rand.NewPCG(seed^0x9e3779b97f4a7c15, number))}
	l.claim, l.member = l.uuid("claim", number), l.uuid("member", l.rng.Uint64N(500))
	l.provider, l.plan = l.uuid("provider", l.rng.Uint64N(60)), l.uuid("plan", l.rng.Uint64N(5))
	l.billed = events.Money(5000 + l.rng.Int64N(200_000))
	l.allowed = l.billed * events.Money(60+l.rng.Int64N(36)) / 100
	l.paid = l.allowed * 80 / 100
	if l.rng.IntN(4) == 0 {
		l.auth = l.uuid("auth", number)
		l.script = append(l.script, (*life).authorized)
	}
	l.script = append(l.script, (*life).submitted)
	switch dice := l.rng.IntN(100); {
	case dice < 75:
		l.script = append(l.script, (*life).approved, (*life).paidOut)
	case dice < 85:
		l.script = append(l.script, (*life).denied)
	case dice < 93:
		l.script = append(l.script, (*life).denied, (*life).overturned, (*life).paidOut)
	default:
		l.script = append(l.script, (*life).denied, (*life).upheld)
	}
	return l
}

func (l *life) step(now time.Time) Event {
	body := l.script[0](l, now)
	l.script = l.script[1:]
	l.done++
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // maps of texts, numbers and booleans
	}
	return Event{ID: l.uuid(fmt.Sprintf("event %d", l.done), l.number), Body: b}
}

// uuid is a version 4 UUID that follows from the seed.
func (l *life) uuid(kind string, n uint64) string {
	in := binary.BigEndian.AppendUint64([]byte(kind), l.seed)
	b := sha256.Sum256(binary.BigEndian.AppendUint64(in, n))
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func (l *life) base(eventType, timeField string, now time.Time) map[string]any {
	return map[string]any{"eventType": eventType, "schemaVersion": "1.0", "claimId": l.claim, "memberId": l.member,
		"providerId": l.provider, timeField: now.Format(time.RFC3339Nano)}
}
