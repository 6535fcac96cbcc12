package embedded

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestConcurrentRegistration(t *testing.T) {
	b, r := pair(t)
	const distinct, each = 25, 2
	ids := make([]answer, distinct*each)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			text := fmt.Sprintf(`{"type":"fixed","name":"F","size":%d}`, i%distinct)
			subject := fmt.Sprintf("/subjects/s%d/versions", i) // equal schemas under two subjects
			ids[i], _ = tryCall(t.Context(), "POST", r.URL()+subject, schemaOf(text))
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for i, a := range ids {
		if a.status != 200 || a.body != ids[i%distinct].body {
			t.Fatalf("%d: %d %s", i, a.status, a.body)
		}
		seen[a.body]++
	}
	for id := 1; id <= distinct; id++ {
		if seen[fmt.Sprintf(`{"id":%d}`, id)] != each {
			t.Fatalf("ids are not dense: %v", seen)
		}
	}
	reopened(t, b, r)
}

func TestEqualSchemaIsNotJournalledAgain(t *testing.T) {
	b, r := pair(t)
	call(t, "POST", r.URL()+"/subjects/s/versions", schemaOf(claimV1)).is(200, `{"id":1}`)
	before := r.journal.next
	call(t, "POST", r.URL()+"/subjects/s/versions", schemaOf(" "+claimV1)).is(200, `{"id":1}`)
	if r.journal.next != before {
		t.Fatal("written twice")
	}
	if got := b.cluster.PartitionInfo(JournalTopic, 0).HighWatermark; got != before {
		t.Fatalf("journal ends at %d, the registry thinks %d", got, before)
	}
}

func TestJournalFailureChangesNothing(t *testing.T) {
	b, r := pair(t)
	u := r.URL()
	call(t, "POST", u+"/subjects/s/versions", schemaOf(claimV1)).is(200, `{"id":1}`)
	var failJournal atomic.Bool
	b.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		produce := req.(*kmsg.ProduceRequest)
		resp := produce.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range produce.Topics {
			out := kmsg.NewProduceResponseTopic()
			out.Topic, out.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, kerr.PolicyViolation.Code
				out.Partitions = append(out.Partitions, part)
			}
			resp.Topics = append(resp.Topics, out)
		}
		if failJournal.Load() {
			return resp, nil, true
		}
		return nil, nil, false
	})
	failJournal.Store(true)
	for range 2 {
		call(t, "POST", u+"/subjects/s/versions", schemaOf(claimV2)).fails(500, 50001)
	}
	call(t, "GET", u+"/subjects/s/versions", nil).is(200, `[1]`)
	call(t, "GET", u+"/schemas/ids/2", nil).fails(404, 40403)
	call(t, "DELETE", u+"/subjects/s", nil).fails(500, 50001)
	call(t, "GET", u+"/subjects", nil).is(200, `["s"]`)
	failJournal.Store(false)
	call(t, "POST", u+"/subjects/s/versions", schemaOf(claimV2)).is(200, `{"id":2}`)
	reopened(t, b, r)
}

func TestAnotherWriterIsNoticed(t *testing.T) {
	b, r := pair(t)
	second := startRegistry(t, b.Addr())
	call(t, "POST", second.URL()+"/subjects/theirs/versions", schemaOf(claimV1)).is(200, `{"id":1}`)
	call(t, "PUT", r.URL()+"/config", `{"compatibility":"FULL"}`).fails(500, 50001)
	call(t, "POST", r.URL()+"/subjects/ours/versions", schemaOf(claimV2)).is(200, `{"id":2}`)
	call(t, "GET", r.URL()+"/subjects", nil).is(200, `["ours","theirs"]`)
}

func TestIDsSurviveKill(t *testing.T) {
	dir := t.TempDir()
	for i := range 4 { // each process is killed right after its answer
		c := startChild(t, dir)
		subject := fmt.Sprintf("%s/subjects/s%d/versions", c.registry, i)
		call(t, "POST", subject, schemaOf(fmt.Sprintf(`{"type":"fixed","name":"F","size":%d}`, i))).is(200, fmt.Sprintf(`{"id":%d}`, i+1))
		c.kill()
	}
	c := startChild(t, dir)
	call(t, "DELETE", c.registry+"/subjects/s3", nil).is(200, `[1]`)
	call(t, "DELETE", c.registry+"/subjects/s3?permanent=true", nil).is(200, `[1]`)
	c.kill()
	b := startBroker(t, dir)
	cleanJournal(t, b)
	r := startRegistry(t, b.Addr())
	for i := range 3 {
		call(t, "GET", fmt.Sprintf("%s/subjects/s%d/versions/1/schema", r.URL(), i), nil).is(200, fmt.Sprintf(`{"type":"fixed","name":"F","size":%d}`, i))
	}
	call(t, "GET", r.URL()+"/subjects?deleted=true", nil).is(200, `["s0","s1","s2"]`)
	call(t, "POST", r.URL()+"/subjects/s/versions", schemaOf(claimV1)).is(200, `{"id":5}`)
	must(t, r.Close())
}

// TestConfluentJournal replays records as Confluent's registry writes them.
func TestConfluentJournal(t *testing.T) {
	b := startBroker(t, "")
	must(t, startRegistry(t, b.Addr()).Close())
	c := client(t, b.Addr(), kgo.DefaultProduceTopic(JournalTopic))
	defer c.Close()
	for _, r := range [][2]string{
		{`{"keytype":"CONFIG","subject":null,"magic":0}`, `{"compatibilityLevel":"FULL"}`},
		{`{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}`, `{"subject":"s","version":1,"id":7,"md5Hash":"x","schema":"\"int\"","deleted":false,"ts":1,"offset":3}`},
		{`{"keytype":"SCHEMA","subject":"s","version":2,"magic":1}`, `{"subject":"s","version":2,"id":8,"schema":"\"long\"","deleted":true}`},
		{`{"keytype":"SCHEMA","subject":"p","version":1,"magic":1}`, `{"subject":"p","version":1,"id":9,"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";","deleted":false}`},
		{`{"keytype":"MODE","subject":"p","magic":0}`, `{"mode":"READONLY"}`},
		{`{"keytype":"NOOP","magic":0}`, ``},
		{`{"keytype":"CONTEXT","tenant":"default","context":".","magic":0}`, `{"tenant":"default","context":"."}`},
		{`not json`, `x`},
	} {
		record := &kgo.Record{Key: []byte(r[0]), Value: []byte(r[1])}
		if r[1] == "" {
			record.Value = nil
		}
		must(t, c.ProduceSync(deadline(t), record).FirstErr())
	}
	r := startRegistry(t, b.Addr())
	call(t, "GET", r.URL()+"/subjects", nil).is(200, `["p","s"]`)
	call(t, "GET", r.URL()+"/subjects/s/versions?deleted=true", nil).is(200, `[1,2]`)
	call(t, "GET", r.URL()+"/config", nil).is(200, `{"compatibilityLevel":"FULL"}`)
	call(t, "GET", r.URL()+"/schemas/ids/9", nil).is(200, `{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";"}`)
	call(t, "POST", r.URL()+"/subjects/p/versions", schemaOf(claimV1)).fails(422, 42205)
	call(t, "POST", r.URL()+"/subjects/t/versions", schemaOf(claimV1)).is(200, `{"id":10}`)
	must(t, r.Close())
}

func TestJournalRecordForm(t *testing.T) {
	for _, c := range []struct {
		record     journalRecord
		key, value string
	}{
		{schemaRecord("a-value", version{number: 1, id: 2, text: `"<&>"`}), `{"keytype":"SCHEMA","subject":"a-value","version":1,"magic":1}`, `{"subject":"a-value","version":1,"id":2,"schema":"\"<&>\"","deleted":false}`},
		{purgeRecord("a", 3), `{"keytype":"SCHEMA","subject":"a","version":3,"magic":1}`, ``},
		{deleteSubjectRecord("a", 3), `{"keytype":"DELETE_SUBJECT","subject":"a","magic":0}`, `{"subject":"a","version":3}`},
		{configRecord("", "FULL"), `{"keytype":"CONFIG","subject":null,"magic":0}`, `{"compatibilityLevel":"FULL"}`},
		{configRecord("a", ""), `{"keytype":"CONFIG","subject":"a","magic":0}`, ``},
		{modeRecord("a", "READONLY"), `{"keytype":"MODE","subject":"a","magic":0}`, `{"subject":"a","mode":"READONLY"}`},
		{endRecord(), `{"keytype":"NOOP","magic":0}`, ``},
	} {
		key, value, err := c.record.encode()
		must(t, err)
		if string(key) != c.key || string(value) != c.value {
			t.Errorf("got %s %s\nwant %s %s", key, value, c.key, c.value)
		}
	}
}

func TestJournalTopicMustBeCompacted(t *testing.T) {
	for name, configs := range map[string]map[string]string{
		"deleted":          nil,
		"compacted, aging": {"cleanup.policy": "compact,delete"},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBroker(t, "")
			c := client(t, b.Addr())
			defer c.Close()
			createTopic(t, c, JournalTopic, 1, configs)
			_, err := StartRegistry(deadline(t), RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{b.Addr()}})
			if err == nil || !strings.Contains(err.Error(), "cleanup.policy") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestLogHoldsNoSchema(t *testing.T) {
	b := startBroker(t, "")
	var log bytes.Buffer
	r, err := StartRegistry(deadline(t), RegistryConfig{
		Addr: "127.0.0.1:0", Brokers: []string{b.Addr()},
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	must(t, err)
	call(t, "POST", r.URL()+"/subjects/s/versions", schemaOf(claimV1)).is(200, `{"id":1}`)
	call(t, "POST", r.URL()+"/subjects/s/versions", schemaOf(claimV3)).fails(409, 409)
	must(t, r.Close())
	if strings.Contains(log.String(), "Claim") || log.Len() == 0 {
		t.Fatal(log.String())
	}
}
