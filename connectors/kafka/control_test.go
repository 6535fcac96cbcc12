package kafka_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// controlLog is a broker with the control topic.
func controlLog(t testing.TB, dir, addr string) *embedded.Broker {
	t.Helper()
	b := stage.Broker(t, embedded.BrokerConfig{Addr: addr, DataDir: dir})
	stage.Topics(t, b.Addr(), topologies.Mediator...)
	return b
}

// tail runs a Control until the test ends, and waits until it is fresh.
func tail(t testing.TB, broker string, s topology.Schemas, metrics prometheus.Registerer) *kafka.Control {
	t.Helper()
	c, err := kafka.OpenControl([]string{broker}, s, processors.NewRules(nil, make([]byte, 32)), slog.New(slog.DiscardHandler), metrics)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = c.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait(); c.Close() })
	stage.Await(t, "fresh rules", func() bool { _, err := c.Rules(); return err == nil })
	return c
}

// grant is a change that lets a team see PHI, at a version.
func grant(team string, version int32) events.Control {
	row, _ := json.Marshal(tables.Permission{Team: team, Class: tables.ClassPHI})
	return events.Control{Kind: tables.KindPermission, Name: team + "/" + tables.ClassPHI, Version: version, Act: events.ControlPut,
		Row: string(row), By: "test", At: events.InstantOf(time.Now())}
}

func version(t *testing.T, c *kafka.Control, team string) int32 {
	t.Helper()
	r, err := c.Rules()
	if err != nil {
		t.Fatal(err)
	}
	return r.Version(tables.KindPermission, team+"/"+tables.ClassPHI)
}

func TestChangeWaitsForItsEffect(t *testing.T) {
	b, s, metrics := controlLog(t, "", "127.0.0.1:0"), &codecs.Memory{}, prometheus.NewRegistry()
	here, there := tail(t, b.Addr(), s, metrics), tail(t, b.Addr(), s, nil)
	changed := there.Changed()
	o, err := here.Change(t.Context(), grant("billing", 1))
	if err != nil || !o.Applied || o.Version != 1 || version(t, here, "billing") != 1 {
		t.Fatalf("%+v %v", o, err)
	}
	stage.Within(t, 2*time.Second, "the other worker knows", func() bool {
		select {
		case <-changed:
			return version(t, there, "billing") == 1
		default:
			return false
		}
	})
	o, err = here.Change(t.Context(), grant("billing", 1))
	if err != nil || o.Applied || o.Offset != -1 || o.Version != 1 || o.Faults[0].ReasonCode != processors.VersionConflict {
		t.Errorf("a stale version: %+v %v", o, err)
	}
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(`# HELP payerflow_rules_offset Next offset of mediator.control: the version of all rules.
# TYPE payerflow_rules_offset gauge
payerflow_rules_offset 1
`), "payerflow_rules_offset"); err != nil {
		t.Error(err)
	}
}

// TestOneOfTwoWins lets two workers make the same version of one row at once.
func TestOneOfTwoWins(t *testing.T) {
	b, s := controlLog(t, "", "127.0.0.1:0"), &codecs.Memory{}
	workers := []*kafka.Control{tail(t, b.Addr(), s, nil), tail(t, b.Addr(), s, nil)}
	for round := int32(1); round <= 20; round++ {
		applied := make([]bool, len(workers))
		var wg sync.WaitGroup
		for i, c := range workers {
			stage.Await(t, "the round before", func() bool { return version(t, c, "billing") == round-1 })
			wg.Go(func() {
				o, err := c.Change(t.Context(), grant("billing", round))
				if err != nil || o.Applied == (len(o.Faults) > 0) {
					t.Errorf("%+v %v", o, err)
				}
				applied[i] = o.Applied
			})
		}
		wg.Wait()
		if applied[0] == applied[1] {
			t.Fatalf("round %d: applied %v", round, applied)
		}
	}
}

func TestWhatWasAbortedIsNoRule(t *testing.T) {
	b, s := controlLog(t, "", "127.0.0.1:0"), &codecs.Memory{}
	c := tail(t, b.Addr(), s, nil)
	k, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.TransactionalID("router"), kgo.DefaultProduceTopic(topologies.Control.Topic.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	serde, err := topologies.Control.Codec.Bind(s, topologies.Control.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	for i, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		value, err := serde.Encode(grant([]string{"aborted", "committed"}[i], 1))
		if err == nil {
			err = k.BeginTransaction()
		}
		if err == nil {
			err = k.ProduceSync(t.Context(), &kgo.Record{Value: value}).FirstErr()
		}
		if err == nil {
			err = k.EndTransaction(t.Context(), end)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	stage.Await(t, "the committed change", func() bool { return version(t, c, "committed") == 1 })
	if version(t, c, "aborted") != 0 {
		t.Error("an aborted change is in force")
	}
	if o, err := c.Change(t.Context(), grant("later", 1)); err != nil || !o.Applied { // behind markers of transactions
		t.Errorf("%+v %v", o, err)
	}
}

func TestWhatDoesNotDecodeIsPassedOver(t *testing.T) {
	b, s, metrics := controlLog(t, "", "127.0.0.1:0"), &codecs.Memory{}, prometheus.NewRegistry()
	c := tail(t, b.Addr(), s, metrics)
	k, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic(topologies.Control.Topic.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for _, v := range [][]byte{nil, []byte("canary"), {0, 0, 0, 0, 9, 1}} {
		if err := k.ProduceSync(t.Context(), &kgo.Record{Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if o, err := c.Change(t.Context(), grant("billing", 1)); err != nil || !o.Applied {
		t.Errorf("%+v %v", o, err)
	}
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(`# HELP payerflow_rules_changes_total Control events that were folded, by what became of them.
# TYPE payerflow_rules_changes_total counter
payerflow_rules_changes_total{outcome="applied"} 1
payerflow_rules_changes_total{outcome="refused"} 3
payerflow_rules_changes_total{outcome="undecodable"} 3
`), "payerflow_rules_changes_total"); err != nil {
		t.Error(err)
	}
}

// TestRulesGoStale takes the broker away: within the bound nothing may be
// decided any more; when it is back, work goes on. While it is there, rules
// stay fresh though nothing changes.
func TestRulesGoStale(t *testing.T) {
	dir, s := t.TempDir(), &codecs.Memory{}
	b := controlLog(t, dir, "127.0.0.1:0")
	c := tail(t, b.Addr(), s, nil)
	if o, err := c.Change(t.Context(), grant("billing", 1)); err != nil || !o.Applied {
		t.Fatalf("%+v %v", o, err)
	}
	quiet := time.Now()
	for time.Since(quiet) < kafka.Fresh+time.Second {
		if _, err := c.Rules(); err != nil {
			t.Fatalf("stale after %s though the broker is there", time.Since(quiet))
		}
		<-time.After(50 * time.Millisecond)
	}
	gone := time.Now()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	stage.Within(t, kafka.Fresh+time.Second, "stale rules", func() bool {
		_, err := c.Rules()
		return errors.Is(err, topology.ErrUnavailable)
	})
	if took := time.Since(gone); took < kafka.Fresh-time.Second {
		t.Errorf("stale after %s already", took)
	}
	if _, err := c.Change(t.Context(), grant("billing", 2)); !errors.Is(err, topology.ErrUnavailable) {
		t.Errorf("a change without a broker: %v", err)
	}
	controlLog(t, dir, b.Addr())
	stage.Await(t, "fresh again", func() bool { _, err := c.Rules(); return err == nil })
	if o, err := c.Change(t.Context(), grant("billing", 2)); err != nil || !o.Applied {
		t.Errorf("after the broker is back: %+v %v", o, err)
	}
}
