package engine

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lease says until when nobody else can have been given a member's partitions:
// the coordinator does so when it has had no heartbeat for the session timeout,
// or when the member itself asks for a new assignment, which ends its session
// first. It is a hook of the member's client.
//
// Whether a heartbeat that was answered was also taken shows when the next one
// is sent: after a refusal none is.
type lease struct {
	mu       sync.Mutex
	timeout  time.Duration
	synced   time.Time // when the request that gave the assignment was sent
	answered time.Time // when the latest heartbeat that was answered was sent
	taken    time.Time // when the latest one known to be taken was
}

// leaseMargin is the part of the session timeout that is given away, for clocks
// that do not run alike.
const leaseMargin = 10

func newLease(sessionTimeout time.Duration) *lease {
	return &lease{timeout: sessionTimeout - sessionTimeout/leaseMargin}
}

var (
	keyHeartbeat = kmsg.Heartbeat.Int16()
	keySync      = kmsg.SyncGroup.Int16()
)

// OnBrokerWrite is kgo's hook for what is sent.
func (l *lease) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == keyHeartbeat {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.taken = l.answered
	}
}

// OnBrokerE2E is kgo's hook for what is answered.
func (l *lease) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e kgo.BrokerE2E) {
	if e.Err() != nil || key != keyHeartbeat && key != keySync {
		return
	}
	sent := time.Now().Add(-e.DurationE2E())
	l.mu.Lock()
	defer l.mu.Unlock()
	if key == keySync {
		l.synced = sent
	} else {
		l.answered = sent
	}
}

// begin starts with an assignment, which shows that the request for it was
// taken.
func (l *lease) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered, l.taken = l.synced, l.synced
}

func (l *lease) holds(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.taken.IsZero() && now.Sub(l.taken) < l.timeout
}
