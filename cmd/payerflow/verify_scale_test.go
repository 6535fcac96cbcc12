package main

import (
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/internal/traffic"
	"payerflow/internal/verify"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// TestVerifyAtScale holds the model to a table that the folds alone have made,
// in one pass and in several: VERIFY_EVENTS says how many events (5,000).
func TestVerifyAtScale(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("VERIFY_EVENTS"))
	if n == 0 {
		n = 5000
	}
	tg := servers(t)
	schemas := codecs.OpenRegistry(tg.registry)
	publishMadeUp(t, tg, n)
	rows := foldedAlone(t, tg)
	writeTable(t, tg, schemas, rows)
	for _, passRecords := range []int64{0, int64(n / 3)} {
		log := &verify.Log{Brokers: []string{tg.brokers}, Options: tg.options(t), Schemas: codecs.OpenRegistry(tg.registry), PassRecords: passRecords, Hash: func(string) string { return "" }}
		runtime.GC()
		began, cpu := time.Now(), cpuTime()
		c, err := log.Claims(t.Context(), viewToVerify(topologies.ClaimStatus.Declare(), topologies.ClaimEDI.Declare()), claimTopics(), nil, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		took, used := time.Since(began), cpuTime()-cpu
		if c.Outcome != verify.Equal || c.Counts["rows"] != int64(len(rows)) || c.Counts["equal"] != int64(len(rows)) {
			t.Errorf("%s, %v, %v", c.Outcome, c.Counts, c.Findings)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("%d records, %d rows, %d at once: %.1f s, %.0f records/s, %.1f CPU s a million, the broker's among them; %d MB from the system",
			c.Counts["records"], len(rows), passRecords, took.Seconds(), float64(c.Counts["records"])/took.Seconds(), used.Seconds()/float64(c.Counts["records"])*1e6, m.Sys>>20)
	}
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func publishMadeUp(t *testing.T, tg target, n int) {
	t.Helper()
	client, err := kafka.Dial(t.Context(), []string{tg.brokers}, tg.options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	p := kafka.NewPublisher(client, codecs.OpenRegistry(tg.registry), topologies.TopicFor)
	g := traffic.New(5, 0)
	for range n {
		e := g.Next(time.Now())
		if err := p.Publish(t.Context(), e.Body, kafka.Envelope{ID: e.ID}, func(_ kafka.Coordinates, err error) {
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// foldedAlone are the rows that the folds make of the log, without an engine.
func foldedAlone(t *testing.T, tg target) map[string]tables.ClaimStatus {
	t.Helper()
	rows := map[string]tables.ClaimStatus{}
	foldOf(t, tg, rows, topologies.ClaimSubmitted, processors.FoldClaimSubmitted)
	foldOf(t, tg, rows, topologies.ClaimAdjudicated, processors.FoldClaimAdjudicated)
	foldOf(t, tg, rows, topologies.ClaimPaid, processors.FoldClaimPaid)
	foldOf(t, tg, rows, topologies.AppealResolved, processors.FoldAppealResolved)
	foldOf(t, tg, rows, topologies.AppealUpdated, processors.FoldAppealUpdated)
	return rows
}

func foldOf[E topology.Event](t *testing.T, tg target, rows map[string]tables.ClaimStatus, s topology.Stream[E],
	fold func(tables.ClaimStatus, topology.Record[E]) (tables.ClaimStatus, []topology.Output)) {
	t.Helper()
	serde := bound(t, codecs.OpenRegistry(tg.registry), s)
	for _, r := range wholeOf(t, tg, s.Topic.Name) {
		e, err := serde.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		id := header(r, topology.HeaderID)
		rows[string(r.Key)], _ = fold(rows[string(r.Key)], topology.Record[E]{Key: string(r.Key), At: e.OccurredAt(), ID: func() string { return id }, Body: e})
	}
}

// writeTable writes rows as the group would, and the positions that go with them.
func writeTable(t *testing.T, tg target, schemas topology.Schemas, rows map[string]tables.ClaimStatus) {
	t.Helper()
	group := topologies.ClaimStatus.Declare()
	serde, err := topologies.ClaimStatus.Rows.Bind(schemas, group.Table.Name)
	if err != nil {
		t.Fatal(err)
	}
	client := tg.client(t)
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		value, err := serde.Encode(rows[key])
		if err != nil {
			t.Fatal(err)
		}
		client.Produce(t.Context(), &kgo.Record{Topic: group.Table.Name, Key: []byte(key), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin := kadm.NewClient(client)
	for _, f := range allFollowers() {
		ends, err := admin.ListEndOffsets(t.Context(), f.Topic)
		if err != nil {
			t.Fatal(err)
		}
		if err := admin.CommitAllOffsets(t.Context(), f.Group, ends.Offsets()); err != nil {
			t.Fatal(err)
		}
	}
}
