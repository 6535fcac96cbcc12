package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
)

// aspect is one question that is asked of every topic.
type aspect struct {
	check string
	do    string
	judge func(topology.Topic, kafka.TopicFacts, kafka.Replication) (State, string)
}

const apply = "run: payerflow topics diff, then: payerflow topics apply"

var aspects = []aspect{
	{"partitions", "rows are where their keys hash to: make a new topic and group version, and replay into it", partitionCount},
	{"replicas", "move replicas with kafka-reassign-partitions; where brokers are down, start them", replicas},
	{"min.insync.replicas", apply, minInSync},
	{"unclean elections", "set unclean.leader.election.enable=false on the topic: a replica that lags would lose committed records", unclean},
	{"cleanup policy", apply, cleanup},
	{"retention", apply + "; retention.bytes must be -1", retention},
	{"message size", apply, messageSize},
	{"compression", apply, compression},
}

func namesOf(topics []topology.Topic) (names []string) {
	for _, t := range topics {
		names = append(names, t.Name)
	}
	return names
}

// judgeTopics asks every question of every declared topic.
func judgeTopics(declared []topology.Topic, have map[string]kafka.TopicFacts, r kafka.Replication) []Finding {
	var missing []string
	var there []topology.Topic
	for _, t := range declared {
		switch f, told := have[t.Name]; {
		case !told || f.Missing:
			missing = append(missing, t.Name)
		case !f.Denied: // what we may not see is a matter of rights
			there = append(there, t)
		}
	}
	out := []Finding{ok("topics", fmt.Sprintf("all %d are there, or not for us to see", len(declared)))}
	switch {
	case len(missing) > 0:
		out[0] = fail("topics", fmt.Sprintf("%d of %d are missing: %s", len(missing), len(declared), some(missing)), apply)
	case len(there) == len(declared):
		out[0].Found = fmt.Sprintf("all %d are there", len(declared))
	}
	for _, a := range aspects {
		out = append(out, a.of(there, have, r))
	}
	return out
}

// of is the worst that the topics show, with the first of them.
func (a aspect) of(topics []topology.Topic, have map[string]kafka.TopicFacts, r kafka.Replication) Finding {
	if len(topics) == 0 {
		return skipped(a.check, "no topic to look at")
	}
	worst := OK
	found := map[State][]string{}
	for _, t := range topics {
		s, what := a.judge(t, have[t.Name], r)
		worst = worse(worst, s)
		if s == Fail || s == Warn {
			what = t.Name + ": " + what
		}
		found[s] = append(found[s], what)
	}
	switch n := len(found[worst]); worst {
	case OK:
		slices.Sort(found[OK])
		return ok(a.check, fmt.Sprintf("%s, all as declared: %s", plural(n, "topic", "topics"), some(slices.Compact(found[OK]))))
	case Skipped:
		return skipped(a.check, fmt.Sprintf("%d of %d topics: %s", n, len(topics), notTold))
	default:
		return Finding{a.check, worst, fmt.Sprintf("%d of %d topics: %s", n, len(topics), some(found[worst])), a.do}
	}
}

func partitionCount(t topology.Topic, f kafka.TopicFacts, _ kafka.Replication) (State, string) {
	if f.Partitions != t.Partitions {
		return Fail, fmt.Sprintf("has %d, wants %d", f.Partitions, t.Partitions)
	}
	return OK, strconv.Itoa(f.Partitions)
}

func replicas(_ topology.Topic, f kafka.TopicFacts, r kafka.Replication) (State, string) {
	switch {
	case f.Leaderless > 0:
		return Fail, fmt.Sprintf("%d partitions have no leader", f.Leaderless)
	case f.Replicas < r.Factor:
		return Fail, fmt.Sprintf("replication factor %d, wants %d", f.Replicas, r.Factor)
	case f.InSync < r.MinInSync:
		return Fail, fmt.Sprintf("a partition has %d in sync of %d, and cannot be written", f.InSync, f.Replicas)
	case f.InSync < f.Replicas:
		return Warn, fmt.Sprintf("a partition has %d in sync of %d", f.InSync, f.Replicas)
	}
	return OK, fmt.Sprintf("%d, all in sync", f.Replicas)
}

func minInSync(_ topology.Topic, f kafka.TopicFacts, r kafka.Replication) (State, string) {
	have, err := strconv.Atoi(f.Settings["min.insync.replicas"])
	switch {
	case err != nil:
		return Skipped, notTold
	case have < r.MinInSync:
		return Fail, fmt.Sprintf("has %d, wants %d", have, r.MinInSync)
	case have >= f.Replicas && f.Replicas > 1:
		return Warn, fmt.Sprintf("has %d of %d replicas: one broker down stops all writing", have, f.Replicas)
	}
	return OK, strconv.Itoa(have)
}

func unclean(_ topology.Topic, f kafka.TopicFacts, _ kafka.Replication) (State, string) {
	switch f.Settings["unclean.leader.election.enable"] {
	case "false":
		return OK, "off"
	case "true":
		return Fail, "on"
	}
	return Skipped, notTold
}

func cleanup(t topology.Topic, f kafka.TopicFacts, _ kafka.Replication) (State, string) {
	have, there := f.Settings["cleanup.policy"]
	switch {
	case !there:
		return Skipped, notTold
	case have != string(t.Cleanup) && t.Cleanup == topology.Compact:
		return Fail, fmt.Sprintf("has %q, wants compact alone: rows would be forgotten", have)
	case have != string(t.Cleanup):
		return Fail, fmt.Sprintf("has %q, wants %s: records of one key would be lost", have, t.Cleanup)
	}
	return OK, have
}

func retention(t topology.Topic, f kafka.TopicFacts, _ kafka.Replication) (State, string) {
	if t.Cleanup != topology.Delete {
		return OK, "compacted"
	}
	if bytes, there := f.Settings["retention.bytes"]; there && !strings.HasPrefix(bytes, "-") {
		return Fail, "retention.bytes is " + bytes + ": records go before their time"
	}
	ms, err := strconv.ParseInt(f.Settings["retention.ms"], 10, 64)
	if err != nil {
		return Skipped, notTold
	}
	have, want := milliseconds(ms), t.Retention
	switch {
	case want <= 0 && have >= 0, have >= 0 && have < want:
		return Fail, fmt.Sprintf("keeps %s, wants %s", have, inDays(want))
	case want > 0 && (have < 0 || have > want):
		return Warn, fmt.Sprintf("keeps %s, wants %s", inDays(have), inDays(want))
	}
	return OK, inDays(want)
}

func messageSize(t topology.Topic, f kafka.TopicFacts, _ kafka.Replication) (State, string) {
	have, err := strconv.Atoi(f.Settings["max.message.bytes"])
	switch {
	case err != nil:
		return Skipped, notTold
	case have < t.MaxMessageBytes:
		return Fail, fmt.Sprintf("takes %d bytes, wants %d", have, t.MaxMessageBytes)
	case have > t.MaxMessageBytes:
		return Warn, fmt.Sprintf("takes %d bytes, wants %d: larger records are parked", have, t.MaxMessageBytes)
	}
	return OK, fmt.Sprintf("%d MiB", have>>20)
}

func compression(t topology.Topic, f kafka.TopicFacts, _ kafka.Replication) (State, string) {
	have, there := f.Settings["compression.type"]
	switch {
	case !there:
		return Skipped, notTold
	case have != t.Compression:
		return Warn, fmt.Sprintf("has %q, wants %q", have, t.Compression)
	}
	return OK, have
}
