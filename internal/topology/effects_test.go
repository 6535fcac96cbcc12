package topology_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"payerflow/internal/topology"
)

func mails() topology.Declared {
	return topology.Effects[happened]{Name: "mails", Input: streamOf[happened]("g.in", 6), Rows: jsonCodec[topology.Backlog]{}}.Declare()
}

// TestEffectsAreRetriedInOrderAndGivenUp lets one key's receiver be away: its
// effects wait for each other, those of another key do not.
func TestEffectsAreRetriedInOrderAndGivenUp(t *testing.T) {
	d := driverOf(t, mails())
	away, said := true, []string(nil)
	d.Outside = map[string]func(topology.Effect) error{"mails": func(e topology.Effect) error {
		said = append(said, fmt.Sprintf("%s:%s:%d", e.Key, e.Event.(happened).Note, e.Attempt))
		if e.Key == "away" && away {
			return errors.New("away")
		}
		return nil
	}}
	pipe := func(key, note string) {
		t.Helper()
		if err := d.Pipe(rawOf(key, note)); err != nil {
			t.Fatal(err)
		}
	}
	clock := now
	tick := func(after time.Duration) string {
		t.Helper()
		clock, said = clock.Add(after), nil
		if err := d.Advance(clock); err != nil {
			t.Fatal(err)
		}
		return strings.Join(said, " ")
	}
	pipe("away", "first")
	pipe("here", "one")
	if got := tick(0); got != "away:first:0 here:one:0" {
		t.Errorf("at first: %s", got)
	}
	pipe("away", "second")
	pipe("here", "two")
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{time.Second - 1, "here:two:0"}, {1, "away:first:1"}, {2*time.Second - 1, ""}, {1, "away:first:2"}, {4*time.Second - 1, ""}} {
		if got := tick(step.after); got != step.want {
			t.Errorf("after %v more: %q, want %q", step.after, got, step.want)
		}
	}
	d.Took()
	if got := tick(1); got != "away:first:3" {
		t.Errorf("the last try: %q", got)
	}
	var parked []string
	for _, w := range d.Took() {
		if w.Parked != nil {
			parked = append(parked, w.Topic+" "+string(w.Source.Value))
		}
	}
	if len(parked) != 2 || !strings.Contains(parked[0], "first") || !strings.Contains(parked[1], "second") || !strings.HasPrefix(parked[0], "g.in.dlq ") {
		t.Errorf("parked %v", parked)
	}
	away = false
	pipe("away", "third")
	if got := tick(time.Second); got != "away:third:0" {
		t.Errorf("after it was given up: %q", got)
	}
}

func TestAnEffectThatHealsGoesOnWithItsQueue(t *testing.T) {
	b := topology.Backlog{Pending: []topology.Pending{{ID: "1"}, {ID: "2"}, {ID: "3"}}, Failures: 2}
	next, givenUp := b.Settle(2, true, now)
	if len(givenUp) != 0 || len(next.Pending) != 1 || next.Failures != 1 || next.Due != now.Add(time.Second).UnixMicro() {
		t.Errorf("%+v, given up %v", next, givenUp)
	}
}
