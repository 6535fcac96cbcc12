package doctor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

var (
	events = topology.Topic{Name: "events", Partitions: 6, Retention: 7 * 24 * time.Hour, Compression: "lz4", MaxMessageBytes: 1 << 20, Cleanup: topology.Delete}
	rows   = topology.Topic{Name: "rows", Partitions: 6, Compression: "lz4", MaxMessageBytes: 2 << 20, Cleanup: topology.Compact}
	stays  = topology.Topic{Name: "stays", Partitions: 6, Compression: "lz4", MaxMessageBytes: 1 << 20, Cleanup: topology.Delete}
)

// asDeclared is what a cluster says of a topic that is as it should be.
func asDeclared(t topology.Topic) kafka.TopicFacts {
	ms := "-1"
	if t.Retention > 0 {
		ms = fmt.Sprint(t.Retention.Milliseconds())
	}
	return kafka.TopicFacts{Partitions: t.Partitions, Replicas: 3, InSync: 3, Settings: map[string]string{
		"min.insync.replicas": "2", "unclean.leader.election.enable": "false", "cleanup.policy": string(t.Cleanup), "retention.ms": ms,
		"retention.bytes": "-1", "max.message.bytes": fmt.Sprint(t.MaxMessageBytes), "compression.type": t.Compression,
	}}
}

func TestTopicsAsDeclared(t *testing.T) {
	have := map[string]kafka.TopicFacts{}
	for _, topic := range topologies.Topics() {
		have[topic.Name] = asDeclared(topic)
	}
	for _, f := range judgeTopics(topologies.Topics(), have, kafka.Required) {
		judged(t, f, OK, "")
	}
}

func TestTopics(t *testing.T) {
	set := func(key, value string) func(*kafka.TopicFacts) {
		return func(f *kafka.TopicFacts) { f.Settings[key] = value }
	}
	silent := func(key string) func(*kafka.TopicFacts) {
		return func(f *kafka.TopicFacts) { delete(f.Settings, key) }
	}
	for _, c := range []struct {
		topic  topology.Topic
		change func(*kafka.TopicFacts)
		check  string
		state  State
		says   string
	}{
		{events, func(f *kafka.TopicFacts) { *f = kafka.TopicFacts{Missing: true} }, "topics", Fail, "events"},
		{events, func(f *kafka.TopicFacts) { *f = kafka.TopicFacts{Denied: true} }, "topics", OK, "not for us to see"},
		{events, func(f *kafka.TopicFacts) { f.Partitions = 7 }, "partitions", Fail, "has 7, wants 6"},
		{events, func(f *kafka.TopicFacts) { f.Replicas = 2 }, "replicas", Fail, "factor 2"},
		{events, func(f *kafka.TopicFacts) { f.Replicas, f.InSync = 5, 5 }, "replicas", OK, ""},
		{events, func(f *kafka.TopicFacts) { f.InSync = 2 }, "replicas", Warn, "2 in sync of 3"},
		{events, func(f *kafka.TopicFacts) { f.InSync = 1 }, "replicas", Fail, "cannot be written"},
		{events, func(f *kafka.TopicFacts) { f.Leaderless = 1 }, "replicas", Fail, "no leader"},
		{events, set("min.insync.replicas", "1"), "min.insync.replicas", Fail, "has 1, wants 2"},
		{events, set("min.insync.replicas", "3"), "min.insync.replicas", Warn, "stops all writing"},
		{events, silent("min.insync.replicas"), "min.insync.replicas", Skipped, notTold},
		{events, set("unclean.leader.election.enable", "true"), "unclean elections", Fail, "on"},
		{events, silent("unclean.leader.election.enable"), "unclean elections", Skipped, notTold},
		{events, set("cleanup.policy", "compact"), "cleanup policy", Fail, "wants delete"},
		{events, set("cleanup.policy", "delete,compact"), "cleanup policy", Fail, "wants delete"},
		{rows, set("cleanup.policy", "delete"), "cleanup policy", Fail, "rows would be forgotten"},
		{rows, set("cleanup.policy", "compact,delete"), "cleanup policy", Fail, "rows would be forgotten"},
		{rows, silent("cleanup.policy"), "cleanup policy", Skipped, notTold},
		{rows, set("retention.ms", "1"), "retention", OK, ""}, // compacted alone, it says nothing
		{events, set("retention.ms", "604799999"), "retention", Fail, "wants 7 days"},
		{events, set("retention.ms", "-1"), "retention", Warn, "for ever"},
		{events, set("retention.ms", "864000000"), "retention", Warn, "10 days"},
		{events, set("retention.ms", "0"), "retention", Fail, ""},
		{events, set("retention.bytes", "1000"), "retention", Fail, "before their time"},
		{events, silent("retention.ms"), "retention", Skipped, notTold},
		{stays, set("retention.ms", "604800000"), "retention", Fail, "wants for ever"},
		{stays, set("retention.ms", "-1"), "retention", OK, "for ever"},
		{events, set("max.message.bytes", "1048575"), "message size", Fail, "wants 1048576"},
		{events, set("max.message.bytes", "1048588"), "message size", Warn, "larger records"},
		{events, silent("max.message.bytes"), "message size", Skipped, notTold},
		{events, set("compression.type", "producer"), "compression", Warn, "producer"},
	} {
		f := asDeclared(c.topic)
		c.change(&f)
		found := judgeTopics([]topology.Topic{c.topic}, map[string]kafka.TopicFacts{c.topic.Name: f}, kafka.Required)
		i := slices.IndexFunc(found, func(f Finding) bool { return f.Check == c.check })
		judged(t, found[i], c.state, c.says)
	}
}

func TestWorstTopicIsNamed(t *testing.T) {
	have := map[string]kafka.TopicFacts{}
	var all []topology.Topic
	for i := range 9 {
		topic := events
		topic.Name = fmt.Sprintf("t%d", i)
		f := asDeclared(topic)
		if i == 8 {
			f.Settings["max.message.bytes"] = "1"
		} else {
			f.Settings["max.message.bytes"] = "2000000"
		}
		all, have[topic.Name] = append(all, topic), f
	}
	found := judgeTopics(all, have, kafka.Required)
	i := slices.IndexFunc(found, func(f Finding) bool { return f.Check == "message size" })
	judged(t, found[i], Fail, "1 of 9 topics: t8:")
	have["t8"] = asDeclared(all[8])
	judged(t, judgeTopics(all, have, kafka.Required)[i], Warn, "and 5 more")
}

func TestInternalTopic(t *testing.T) {
	const setting = "offsets.topic.replication.factor"
	good := kafka.TopicFacts{Partitions: 50, Replicas: 3, InSync: 3, Settings: map[string]string{"cleanup.policy": "compact", "min.insync.replicas": "2"}}
	with := func(key, value string) kafka.TopicFacts {
		f := good
		f.Settings = maps.Clone(good.Settings)
		f.Settings[key] = value
		return f
	}
	one := good
	one.Replicas, one.InSync = 1, 1
	untold := good
	untold.Settings = nil
	for _, c := range []struct {
		facts  kafka.TopicFacts
		broker string
		state  State
		says   string
	}{
		{good, "", OK, "replication factor 3"},
		{one, "", Fail, "replication factor 1, wants 3"},
		{with("cleanup.policy", "delete"), "", Fail, "forgotten"},
		{with("min.insync.replicas", "1"), "", Warn, "wants 2"},
		{untold, "", Skipped, notTold},
		{kafka.TopicFacts{Denied: true}, "", Skipped, "not see"},
		{kafka.TopicFacts{Missing: true}, setting + "=3", OK, "not made yet"},
		{kafka.TopicFacts{Missing: true}, setting + "=1", Fail, "wants 3"},
		{kafka.TopicFacts{Missing: true}, "", Skipped, notTold},
	} {
		judged(t, internalTopic(offsetsTopic, c.facts, telling(c.broker), setting, kafka.Required), c.state, c.says)
	}
}

func TestTopicRights(t *testing.T) {
	want := needs(topologies.All)
	all := map[string]kafka.TopicFacts{}
	for name := range want {
		all[name] = kafka.TopicFacts{May: []string{read, write, describe}}
	}
	judged(t, topicRights(worker, want, all), OK, "")
	for _, g := range topologies.All {
		for _, c := range []struct {
			topic string
			facts kafka.TopicFacts
			state State
			says  string
		}{
			{g.Table.Name, kafka.TopicFacts{May: []string{read, describe}}, Fail, g.Table.Name + ": WRITE"},
			{g.Inputs[0].Topic.Name, kafka.TopicFacts{May: []string{}}, Fail, "READ"},
			{g.Inputs[0].Topic.DLQ().Name, kafka.TopicFacts{Denied: true}, Fail, "WRITE, DESCRIBE"},
			{g.Inputs[0].Via.Name, kafka.TopicFacts{}, Skipped, notTold},
			{topology.Members.Name, kafka.TopicFacts{May: []string{"ALL"}}, OK, ""},
			{topology.Members.Name, kafka.TopicFacts{Missing: true}, OK, ""},
		} {
			have := maps.Clone(all)
			have[c.topic] = c.facts
			judged(t, topicRights(worker, want, have), c.state, c.says)
		}
	}
}

func TestGroupRights(t *testing.T) {
	names := consumerGroups(topologies.All)
	if !slices.Contains(names, topologies.ClaimStatus.Name) || !slices.Contains(names, topologies.ClaimStatus.Name+"-repartition-6") {
		t.Fatalf("groups %v", names)
	}
	may, seen := map[string][]string{}, map[string]bool{}
	for _, n := range names {
		may[n], seen[n] = []string{read, describe}, true
	}
	judged(t, groupRights(worker, names, may, read, describe), OK, "")
	judged(t, transactionalRights(names, seen), OK, "only by writing")
	may[names[0]], seen[names[0]] = []string{describe}, false
	judged(t, groupRights(worker, names, may, read, describe), Fail, names[0]+": READ")
	judged(t, transactionalRights(names, seen), Fail, "payerflow."+names[0]+".*")
	delete(may, names[0])
	judged(t, groupRights(worker, names, may, read, describe), Skipped, notTold)
}

func TestClusterRights(t *testing.T) {
	judged(t, clusterRights([]string{"ALTER", "DESCRIBE", "CREATE"}, nil), OK, "")
	judged(t, clusterRights([]string{"DESCRIBE"}, nil), Warn, "missing: ALTER")
	judged(t, clusterRights([]string{}, nil), Warn, "missing: ALTER, DESCRIBE")
	judged(t, clusterRights(nil, nil), Skipped, notTold)
	judged(t, clusterRights(nil, errors.New("away")), Skipped, "away")
}
