//go:build chaos

package chaos

import (
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const kafkaScript = "../../deploy/local/kafka.sh"

// Where kafka.sh puts its nodes.
var (
	kafkaOne   = []string{"127.0.0.1:19092"}
	kafkaThree = []string{"127.0.0.1:19192", "127.0.0.1:19292", "127.0.0.1:19392"}
)

// nodes are three Apache Kafka brokers that can be killed.
type nodes struct {
	mu    sync.Mutex
	t     *testing.T
	admin *kadm.Client
}

// brokersOf starts what CHAOS_KAFKA names: 1 or 3 nodes of Apache Kafka, or
// without it the embedded broker.
func brokersOf(t *testing.T) (addrs []string, n *nodes) {
	t.Helper()
	count := os.Getenv("CHAOS_KAFKA")
	if count == "" {
		return embeddedBroker(t), nil
	}
	kafka(t, "start", "--wipe", count) // which is refused where they run for somebody else
	if t.Failed() {
		t.FailNow()
	}
	if count == "1" {
		t.Cleanup(func() { kafka(t, "stop", "0") })
		return kafkaOne, nil
	}
	t.Cleanup(func() {
		for _, id := range []string{"3", "2", "1"} {
			kafka(t, "stop", id)
		}
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(kafkaThree...))
	must(t, err)
	t.Cleanup(client.Close)
	return kafkaThree, &nodes{t: t, admin: kadm.NewClient(client)}
}

func kafka(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(kafkaScript, args...).CombinedOutput(); err != nil { //nolint:gosec // our own script
		t.Errorf("kafka.sh %v: %v\n%s", args, err, out)
	}
}

// strike kills the broker that has a part in the ledgers now, and perhaps the
// next one with it.
func (n *nodes) strike(f *fleet, b blow) {
	n.mu.Lock()
	defer n.mu.Unlock()
	first := n.holder(f, b.on)
	if first < 0 {
		f.say("brokers: nobody has the part")
		return
	}
	down := []int32{first}
	if b.kind == twoDown {
		down = append(down, first%3+1)
	}
	for _, id := range down {
		f.say("broker %d: kill -9", id)
		kafka(n.t, "kill", strconv.Itoa(int(id)))
	}
	<-time.After(b.away)
	for _, id := range down {
		kafka(n.t, "node", strconv.Itoa(int(id)))
		f.say("broker %d is back", id)
	}
}

// holder is the broker that is group coordinator, transaction coordinator of a
// worker or leader of a partition of the changelog; -1 if nobody answers.
func (n *nodes) holder(f *fleet, part int) int32 {
	ctx := n.t.Context()
	switch part {
	case 0:
		if r, ok := n.admin.FindGroupCoordinators(ctx, ledgers.Name)[ledgers.Name]; ok && r.Err == nil {
			return r.NodeID
		}
	case 1:
		id, err := os.ReadFile(f.workers[0].dir + "/instance-id")
		must(n.t, err)
		txn := "payerflow." + ledgers.Name + "." + string(id[:len(id)-1])
		if r, ok := n.admin.FindTxnCoordinators(ctx, txn)[txn]; ok && r.Err == nil {
			return r.NodeID
		}
	default:
		if topics, err := n.admin.ListTopics(ctx, topicLedgers); err == nil && topics[topicLedgers].Partitions[0].Leader > 0 {
			return topics[topicLedgers].Partitions[0].Leader
		}
	}
	return -1
}
