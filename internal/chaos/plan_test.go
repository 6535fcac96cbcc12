//go:build chaos

package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// blow is one thing that is done to a worker or to the brokers.
type blow struct {
	at   time.Duration
	kind kind
	on   int           // worker, or turn of the brokers
	away time.Duration // until it is started, or continued, again
}

type kind string

// What is done. A zombie is stopped for longer than the session timeout and
// then goes on; a half commit is a kill between Kafka's commit and the local.
const (
	kill9      kind = "kill -9"
	killAway   kind = "kill -9, away for longer than its session"
	halfCommit kind = "kill -9 between Kafka's commit and its own"
	sigterm    kind = "SIGTERM"
	zombie     kind = "SIGSTOP"

	brokerDown kind = "kill -9 of a broker"
	twoDown    kind = "kill -9 of two brokers"
)

func (b blow) String() string {
	who := fmt.Sprintf("w%d", b.on+1)
	if b.kind == brokerDown || b.kind == twoDown {
		who = [...]string{"group coordinator", "transaction coordinator", "leader of the changelog"}[b.on]
	}
	return fmt.Sprintf("%5.1fs %s: %s, %.1f s", b.at.Seconds(), who, b.kind, b.away.Seconds())
}

const zombieFor = 14 * time.Second

// plan is what happens to n workers, and to brokers where they are three,
// within a time. The same seed gives the same plan. Nothing happens to a
// worker while it is away, nor in the second after.
func plan(seed uint64, within time.Duration, n int, brokers bool) (blows []blow) {
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable is what it must be
	between := func(low, high time.Duration) time.Duration { return low + time.Duration(r.Int64N(int64(high-low))) }
	free := make([]time.Duration, n)
	var kinds []kind // a deck, so that a short run has every kind
	pace := time.Duration(1)
	if brokers {
		pace = 3 // or nothing but rebalances would happen
	}
	for at := between(time.Second, 3*time.Second); at < within; at += pace * between(500*time.Millisecond, 2500*time.Millisecond) {
		on := r.IntN(n)
		if free[on] > at {
			continue
		}
		if len(kinds) == 0 {
			kinds = []kind{kill9, kill9, kill9, kill9, halfCommit, halfCommit, halfCommit, sigterm, sigterm, zombie, killAway}
			r.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		}
		b := blow{at: at, kind: kinds[0], on: on}
		kinds = kinds[1:]
		switch b.kind {
		case zombie:
			b.away = zombieFor
		case killAway:
			b.away = between(sessionTimeout+2*time.Second, 2*sessionTimeout)
		default:
			b.away = between(0, 3*time.Second)
		}
		free[on] = at + b.away + time.Second
		blows = append(blows, b)
	}
	if !brokers {
		return blows
	}
	for at, turn := between(4*time.Second, 8*time.Second), 0; at < within; turn++ {
		b := blow{at: at, kind: brokerDown, on: turn % 3, away: between(2*time.Second, 6*time.Second)}
		if turn%4 == 3 {
			b.kind, b.away = twoDown, 20*time.Second
		}
		blows = append(blows, b)
		at += b.away + between(14*time.Second, 20*time.Second) // replicas must be in sync before the next
	}
	slices.SortStableFunc(blows, func(a, b blow) int { return cmp.Compare(a.at, b.at) })
	return blows
}
