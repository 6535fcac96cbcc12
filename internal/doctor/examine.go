package doctor

import (
	"context"
	"slices"
	"time"

	"payerflow/connectors/kafka"
)

// Examine makes every check, in the order in which trouble is best looked for:
// this machine, the cluster, its topics, what it lets us do, the registry, the
// clocks. A check that cannot be made is skipped and says why.
func Examine(ctx context.Context, s Setup) []Finding {
	out := []Finding{declarations(s), hasher(vectors), disk(lookAt(s.DataDir))}
	found, probed := cluster(ctx, s)
	out = append(out, found...)
	found, date := registry(ctx, s)
	return append(append(out, found...), clock(probed, date))
}

// cluster makes the checks that need a broker. The sample is of its clock.
func cluster(ctx context.Context, s Setup) ([]Finding, sample) {
	client, err := kafka.Dial(ctx, s.Brokers, s.Client...)
	if err != nil {
		return []Finding{fail("broker", err.Error(), "start it, or set broker.seeds (--brokers)"),
			skipped("topics and rights", "no broker answers")}, sample{}
	}
	defer client.Close()
	brokers, err := client.BrokerFacts(ctx)
	if err != nil {
		return []Finding{fail("broker", err.Error(), "every broker must be reachable from here at the address that it advertises"),
			skipped("topics and rights", "not every broker answers")}, sample{}
	}
	r := kafka.Required.CappedTo(len(brokers))
	out := []Finding{reached(brokers), size(len(brokers), s.Dev)}
	if !s.Replica {
		out = append(append(out, features(brokers, s)...), producer(s.ExactlyOnce))
	}
	topics, err := settled(ctx, client, namesOf(s.Topics))
	if err != nil {
		return append(out, fail("topics", err.Error(), "ask again; where it stays so, look into the broker's log")), sample{}
	}
	out = append(out, judgeTopics(s.Topics, topics, r)...)
	if s.Replica {
		return append(out, replicaRights(ctx, client, s, topics)...), sample{}
	}
	out = append(out, offsetsKept(brokers, longestKept(s.Groups)))
	out = append(out, internalTopic(offsetsTopic, topics[offsetsTopic], brokers, "offsets.topic.replication.factor", r))
	if s.ExactlyOnce {
		out = append(out, internalTopic(transactionsTopic, topics[transactionsTopic], brokers, "transaction.state.log.replication.factor", r))
	}
	out = append(out, rights(ctx, client, s, topics)...)
	isolated, at := isolation(ctx, s, r)
	return append(out, isolated), at
}

// settled asks about topics until what is missing stays so: a broker hears of
// a topic that was just made a moment later than the one that made it.
func settled(ctx context.Context, client *kafka.Client, names []string) (map[string]kafka.TopicFacts, error) {
	for began := time.Now(); ; {
		topics, err := client.TopicFacts(ctx, append(names, offsetsTopic, transactionsTopic)...)
		if err != nil || time.Since(began) > settleTime || !slices.ContainsFunc(names, func(n string) bool { return topics[n].Settings == nil && !topics[n].Denied }) {
			return topics, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(settleTime / 4):
		}
	}
}

const settleTime = 2 * time.Second

// isolation tries transactions where that is asked for.
func isolation(ctx context.Context, s Setup, r kafka.Replication) (Finding, sample) {
	switch {
	case !s.ExactlyOnce:
		return skipped(isolationCheck, "engine.guarantee is at-least-once: nothing is written in transactions"), sample{}
	case !s.Probe:
		return Finding{isolationCheck, Skipped, "not tried", "say --probe: it makes a topic " + probeTopics + ", and deletes it"}, sample{}
	}
	p, err := kafka.Probe(ctx, s.Brokers, r, s.Client...)
	if err != nil {
		return fail(isolationCheck, err.Error(), "the broker must take transactions from us; where it refuses, see its access rules for topics and transactional ids that begin with payerflow."), sample{}
	}
	at := sample{of: "the broker's", before: p.Sent, after: p.Acknowledged, told: p.Appended, within: time.Millisecond}
	return isolated(p), at
}

const (
	isolationCheck = "isolation"
	probeTopics    = "payerflow.doctor.<random>"
)

func isolated(p kafka.Probed) Finding {
	switch {
	case !p.BothWritten:
		return fail(isolationCheck, "the trial's own records are not all in its topic", brokerBreaks)
	case p.OpenSeen:
		return fail(isolationCheck, "read_committed readers see a transaction that is still open", brokerBreaks)
	case p.AbortedSeen:
		return fail(isolationCheck, "read_committed readers see an aborted transaction", brokerBreaks)
	case !p.CommittedSeen:
		return fail(isolationCheck, "read_committed readers do not see a committed transaction", brokerBreaks)
	case p.Kept != nil:
		return warn(isolationCheck, "kept; the trial's topic could not be deleted: "+p.Kept.Error(), "delete topic "+p.Topic)
	}
	return ok(isolationCheck, "read_committed readers see what is committed, and nothing that is open or aborted")
}

const brokerBreaks = "this broker does not keep transactions apart: set engine.guarantee to at-least-once, or use another broker"

// producer states what no setting changes.
func producer(exactlyOnce bool) Finding {
	if exactlyOnce {
		return ok("producer", "acks=all, idempotent, in transactions; fixed in the engine")
	}
	return ok("producer", "acks=all, idempotent, without transactions (engine.guarantee is at-least-once); fixed in the engine")
}
