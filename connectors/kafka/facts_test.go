package kafka

import (
	"errors"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// start runs a broker of the protocol in this process, with one topic.
func start(t *testing.T, opts ...kfake.Opt) []string {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.SeedTopics(4, "records")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

func dial(t *testing.T, brokers []string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), brokers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestFacts(t *testing.T) {
	c := dial(t, start(t))
	brokers, err := c.BrokerFacts(t.Context())
	if err != nil || len(brokers) != 3 {
		t.Fatalf("%d brokers: %v", len(brokers), err)
	}
	for i, b := range brokers {
		if b.ID != int32(i) || b.Settings["transaction.max.timeout.ms"] != "900000" || b.Newest[TxnOffsetCommit] < 3 {
			t.Errorf("broker %d says %v", i, b)
		}
	}
	topics, err := c.TopicFacts(t.Context(), "records", "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if f := topics["records"]; f.Partitions != 4 || f.Leaderless != 0 || f.Settings["cleanup.policy"] != "delete" || f.Missing {
		t.Errorf("records: %+v", f)
	}
	if f := topics["nowhere"]; !f.Missing {
		t.Errorf("nowhere: %+v", f)
	}
	if again, _ := c.TopicFacts(t.Context(), "nowhere"); !again["nowhere"].Missing {
		t.Error("asking for a topic made it")
	}
}

func TestRights(t *testing.T) {
	allow := func(r kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: r, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
	}
	brokers := start(t, kfake.EnableACLs(), kfake.SeedTopics(1, "hidden"), kfake.User("PLAIN", "ANONYMOUS", "-",
		allow(kmsg.ACLResourceTypeTopic, "records", kmsg.ACLOperationRead),
		allow(kmsg.ACLResourceTypeGroup, "readers", kmsg.ACLOperationRead),
		allow(kmsg.ACLResourceTypeTransactionalId, "ours", kmsg.ACLOperationWrite)))
	c := dial(t, brokers)
	if a := c.Authorizer(t.Context()); a != HasAuthorizer {
		t.Errorf("authorizer %s", a)
	}
	topics, err := c.TopicFacts(t.Context(), "records", "hidden")
	if err != nil {
		t.Fatal(err)
	}
	if f := topics["records"]; !slices.Equal(f.May, []string{"READ", "DESCRIBE"}) || f.Settings != nil {
		t.Errorf("records: %+v", f)
	}
	if f := topics["hidden"]; !f.Denied {
		t.Errorf("hidden: %+v", f)
	}
	groups, err := GroupRights(t.Context(), brokers, []string{"readers", "others"})
	if err != nil || !slices.Contains(groups["readers"], "READ") || groups["others"] == nil || len(groups["others"]) != 0 {
		t.Errorf("groups %v: %v", groups, err)
	}
	for id, want := range map[string]bool{"ours": true, "theirs": false} {
		if got, err := c.TransactionalRight(t.Context(), id); got != want || err != nil {
			t.Errorf("transactional id %s: %v, %v", id, got, err)
		}
	}
	if _, err := Probe(t.Context(), brokers, Replication{Factor: 1}); err == nil {
		t.Error("the trial made a topic without the right to")
	}
}

func TestProbe(t *testing.T) {
	brokers := start(t)
	p, err := Probe(t.Context(), brokers, Replication{Factor: 3})
	if err = errors.Join(err, p.Kept); err != nil {
		t.Fatal(err)
	}
	if p.OpenSeen || p.AbortedSeen || !p.CommittedSeen || !p.BothWritten || p.Acknowledged.Before(p.Sent) {
		t.Errorf("%+v", p)
	}
	if f, _ := dial(t, brokers).TopicFacts(t.Context(), p.Topic); !f[p.Topic].Missing {
		t.Error("the trial's topic is still there")
	}
}

func TestPartitionOfIsJavas(t *testing.T) {
	if p := PartitionOf([]byte("abc"), 6); p != 479470107%6 { // org.apache.kafka.common.utils.UtilsTest
		t.Errorf("partition %d", p)
	}
}
