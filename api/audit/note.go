package audit

import (
	"context"
	"sync"

	"payerflow/api/problem"
	"payerflow/events"
)

// Note is what is known of one request: who asks, and for what.
type Note struct {
	trail *Trail
	who   Who
	trace string

	mu      sync.Mutex
	e       events.AuditReceived
	kept    bool // the answer is held until it is written down
	act     bool // it changes something, which Over writes down before
	before  bool // it was
	counted bool
}

type noteKey struct{}

func noteOf(ctx context.Context) *Note {
	n, _ := ctx.Value(noteKey{}).(*Note)
	return n
}

// Reads says that the request asks for something of audited classes. Its
// answer leaves when it is written down. It fails where nobody writes anything
// down. keys are the entity's, none where the request is not about one.
func Reads(ctx context.Context, act, object, name string, classes []string, keys ...string) *problem.Problem {
	n := noteOf(ctx)
	if n == nil {
		return Unavailable()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = true
	n.e.Act, n.e.Object, n.e.Name, n.e.Classes, n.e.KeyHash = act, object, name, sortedClasses(classes), n.trail.keys.Hashes(keys)
	return nil
}

// Acts says that the request would change something.
func Acts(ctx context.Context, act, object, name, why string) {
	if n := noteOf(ctx); n != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.act = true
		n.e.Act, n.e.Object, n.e.Name, n.e.Why = act, object, name, why
	}
}

// Shows says which entities the answer shows, or how many where they have no
// keys.
func Shows(ctx context.Context, count int, keys ...string) {
	if n := noteOf(ctx); n != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.e.Count, n.counted = int64(count), true
		if len(keys) > 0 {
			n.e.KeyHash = n.trail.keys.Hashes(keys)
		}
	}
}

// Asks says more exactly what a request that reads does.
func Asks(ctx context.Context, act string) {
	if n := noteOf(ctx); n != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.e.Act != "" {
			n.e.Act = act
		}
	}
}

// ShowsOf says which of the audited classes the answer lets through.
func ShowsOf(ctx context.Context, classes []string) {
	if n := noteOf(ctx); n != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.e.Classes = sortedClasses(classes)
	}
}

// Breaks says that the glass was broken for this, and why.
func Breaks(ctx context.Context, why string) {
	if n := noteOf(ctx); n != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.e.Breaking, n.e.Why = true, why
	}
}

// Write writes a record of its own down, of who asks here. It fails where
// nobody writes anything down.
func Write(ctx context.Context, e events.AuditReceived, keys ...string) *problem.Problem {
	n := noteOf(ctx)
	if n == nil {
		return Unavailable()
	}
	e.Actor, e.Team, e.Trace = n.who.Actor, n.who.Team, n.trace
	if len(keys) > 0 {
		e.KeyHash = n.trail.keys.Hashes(keys)
	}
	if n.trail.write(ctx, e) != nil {
		return Unavailable()
	}
	return nil
}

// Broken says whether the glass was broken for the request so far, and why.
func Broken(ctx context.Context) (why string, broken bool) {
	n := noteOf(ctx)
	if n == nil {
		return "", false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.e.Why, n.e.Breaking
}
