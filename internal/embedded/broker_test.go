package embedded

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestPortTakenIsTyped(t *testing.T) {
	b := startBroker(t, "")
	_, err := StartBroker(deadline(t), BrokerConfig{Addr: b.Addr()})
	var taken *PortTakenError
	if !errors.As(err, &taken) || taken.Name != "broker" || taken.Addr != b.Addr() {
		t.Fatalf("got %v", err)
	}
	_, err = StartRegistry(deadline(t), RegistryConfig{Addr: b.Addr(), Brokers: []string{b.Addr()}})
	if !errors.As(err, &taken) || taken.Name != "registry" {
		t.Fatalf("got %v", err)
	}
}

func TestPortTakenFreesTheDirectory(t *testing.T) {
	b, dir := startBroker(t, ""), t.TempDir()
	if _, err := StartBroker(deadline(t), BrokerConfig{Addr: b.Addr(), DataDir: dir}); err == nil {
		t.Fatal("started")
	}
	startBroker(t, dir)
}

func TestWildcardNeedsAdvertise(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0"} {
		if _, err := StartBroker(deadline(t), BrokerConfig{Addr: addr}); err == nil {
			t.Fatalf("%s started", addr)
		}
	}
	b, err := StartBroker(deadline(t), BrokerConfig{Addr: "0.0.0.0:0", Advertise: "localhost:0"})
	must(t, err)
	defer b.Close()
	brokers, err := kadm.NewClient(client(t, b.Addr())).ListBrokers(deadline(t))
	must(t, err)
	_, port, _ := net.SplitHostPort(b.Addr())
	if len(brokers) != 1 || brokers[0].Host != "localhost" || net.JoinHostPort("", port) != b.Addr()[strings.LastIndex(b.Addr(), ":"):] {
		t.Fatalf("got %v", brokers)
	}
}

func TestTopicsAreNotCreatedByName(t *testing.T) {
	b := startBroker(t, "")
	c := client(t, b.Addr(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1), kgo.MetadataMinAge(10*time.Millisecond))
	err := c.ProduceSync(deadline(t), &kgo.Record{Topic: "nobody", Value: []byte("x")}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Fatalf("got %v", err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir)
	_, err := StartBroker(deadline(t), BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir})
	var inUse *DataDirInUseError
	if !errors.As(err, &inUse) || inUse.PID == "" {
		t.Fatalf("got %v", err)
	}
	c.kill()
	startBroker(t, dir) // the lock died with the process
}

// fill writes what a restart must find again.
func fill(t *testing.T, broker string) {
	t.Helper()
	ctx := deadline(t)
	c := client(t, broker)
	defer c.Close()
	createTopic(t, c, "claims", 1, map[string]string{"cleanup.policy": "compact", "max.message.bytes": "12345"})
	for _, v := range []string{"a", "b", "c"} {
		must(t, c.ProduceSync(ctx, &kgo.Record{Topic: "claims", Key: []byte(v), Value: []byte(v)}).FirstErr())
	}
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "claims", At: 2, LeaderEpoch: -1})
	_, err := kadm.NewClient(c).CommitOffsets(ctx, "group", offsets)
	must(t, err)
}

// found checks what fill wrote.
func found(t *testing.T, broker string) {
	t.Helper()
	ctx := deadline(t)
	if got := readAll(t, broker, "claims"); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Fatalf("records: %v", got)
	}
	c := client(t, broker)
	defer c.Close()
	admin := kadm.NewClient(c)
	offsets, err := admin.FetchOffsets(ctx, "group")
	must(t, err)
	if at, _ := offsets.Lookup("claims", 0); at.At != 2 {
		t.Fatalf("group offset: %d", at.At)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, "claims")
	must(t, err)
	config, _ := configs.On("claims", nil)
	for _, cfg := range config.Configs {
		if cfg.Key == "max.message.bytes" && cfg.MaybeValue() != "12345" {
			t.Fatalf("config: %s", cfg.MaybeValue())
		}
	}
}

func clusterID(t *testing.T, broker string) string {
	t.Helper()
	c := client(t, broker)
	defer c.Close()
	m, err := kadm.NewClient(c).BrokerMetadata(deadline(t))
	must(t, err)
	return m.Cluster
}

func TestDataSurvivesCloseAndKill(t *testing.T) {
	dir := t.TempDir()
	b := startBroker(t, dir)
	fill(t, b.Addr())
	id := clusterID(t, b.Addr())
	must(t, b.Close())
	for range 2 {
		c := startChild(t, dir)
		found(t, c.broker)
		c.kill()
	}
	b = startBroker(t, dir)
	found(t, b.Addr())
	if got := clusterID(t, b.Addr()); got != id {
		t.Fatalf("cluster id %s became %s", id, got)
	}
	if got := clusterID(t, startBroker(t, "").Addr()); got == id {
		t.Fatal("two clusters with one id")
	}
}

// tear appends half an entry, as a kill in the middle of a write leaves it.
func tear(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append(data, data[:min(len(data), 11)]...), 0o644))
}

func TestTornTailsAreCut(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir)
	fill(t, c.broker)
	c.kill()
	for _, name := range []string{"groups.log", "pids.log", "partitions/claims-0/0.dat", "partitions/claims-0/0.idx"} {
		tear(t, filepath.Join(dir, name))
	}
	c = startChild(t, dir)
	found(t, c.broker)
	// What is appended behind a torn tail must be there after the next kill.
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "claims", At: 3, LeaderEpoch: -1})
	k := client(t, c.broker)
	_, err := kadm.NewClient(k).CommitOffsets(deadline(t), "group", offsets)
	must(t, err)
	k.Close()
	c.kill()
	b := startBroker(t, dir)
	got, err := kadm.NewClient(client(t, b.Addr())).FetchOffsets(deadline(t), "group")
	must(t, err)
	if at, _ := got.Lookup("claims", 0); at.At != 3 {
		t.Fatalf("group offset: %d", at.At)
	}
}

func oneTopic(t *testing.T, broker string) {
	t.Helper()
	c := client(t, broker)
	defer c.Close()
	createTopic(t, c, "claims", 1, nil)
}

// commit writes one record in a transaction and commits it unless told to leave it open.
func commit(t *testing.T, broker, value string, leaveOpen bool) {
	t.Helper()
	ctx := deadline(t)
	c := client(t, broker, kgo.TransactionalID("worker"))
	defer c.Close()
	must(t, c.BeginTransaction())
	must(t, c.ProduceSync(ctx, &kgo.Record{Topic: "claims", Key: []byte(value), Value: []byte(value)}).FirstErr())
	if !leaveOpen {
		must(t, c.EndTransaction(ctx, kgo.TryCommit))
	}
}

func TestOpenTransactionStaysAbortedAfterTwoKills(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir)
	oneTopic(t, c.broker)
	commit(t, c.broker, "first", false)
	commit(t, c.broker, "lost", true)
	c.kill()
	c = startChild(t, dir)
	commit(t, c.broker, "second", false)
	c.kill()
	b := startBroker(t, dir)
	if got := readAll(t, b.Addr(), "claims"); !slices.Equal(got, []string{"first", "second"}) {
		t.Fatalf("read_committed sees %v", got)
	}
}

func TestZombieIsFencedAfterKill(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, dir)
	oneTopic(t, c.broker)
	commit(t, c.broker, "lost", true)
	c.kill()
	_, err := os.Stat(filepath.Join(dir, cleanFile))
	if !os.IsNotExist(err) {
		t.Fatal("a killed broker left the mark of a clean close")
	}
	b := startBroker(t, dir)
	producers, err := kadm.NewClient(client(t, b.Addr())).DescribeTransactions(deadline(t), "worker")
	must(t, err)
	if epoch := producers["worker"].ProducerEpoch; epoch < 1 {
		t.Fatalf("epoch %d", epoch)
	}
}

// TestProducerOutlivesKill: the sequences that a clean close saved must not be
// held against a producer that went on before the kill.
func TestProducerOutlivesKill(t *testing.T) {
	dir := t.TempDir()
	b := startBroker(t, dir)
	oneTopic(t, b.Addr())
	c := client(t, b.Addr(), kgo.StopProducerOnDataLossDetected(), kgo.DefaultProduceTopic("claims"))
	defer c.Close()
	send := func(value string) {
		t.Helper()
		must(t, c.ProduceSync(deadline(t), kgo.StringRecord(value)).FirstErr())
	}
	send("a")
	must(t, b.Close())
	k := startChildOn(t, dir, b.Addr())
	for _, v := range []string{"b", "c", "d", "e", "f", "g", "h"} {
		send(v)
	}
	k.kill()
	startChildOn(t, dir, b.Addr())
	send("i")
	if got := strings.Join(readAll(t, b.Addr(), "claims"), ""); got != "abcdefghi" {
		t.Fatalf("got %s", got)
	}
	c.Close()
}
