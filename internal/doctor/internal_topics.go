package doctor

import (
	"fmt"
	"strconv"
	"strings"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
)

// The broker's own topics that hold what the engine relies on.
const (
	offsetsTopic      = "__consumer_offsets"
	transactionsTopic = "__transaction_state"
)

// internalTopic judges a topic of the broker's own. One that is not there yet
// is made with the replication that setting says.
func internalTopic(name string, f kafka.TopicFacts, brokers []kafka.BrokerFacts, setting string, r kafka.Replication) Finding {
	do := "the broker made it with " + setting + "; move replicas with kafka-reassign-partitions"
	switch {
	case f.Denied:
		return skipped(name, "we may not see it")
	case f.Missing:
		return notMade(name, brokers, setting, r)
	case f.Leaderless > 0, f.Replicas < r.Factor:
		s, found := replicas(topology.Topic{}, f, r)
		return Finding{name, s, found, do}
	}
	found := []string{fmt.Sprintf("replication factor %d", f.Replicas)}
	switch policy, told := f.Settings["cleanup.policy"]; {
	case !told:
		found = append(found, "cleanup policy "+notTold)
	case policy != string(topology.Compact):
		return fail(name, "cleanup policy "+policy+", wants compact: positions and transactions would be forgotten", "set cleanup.policy=compact")
	default:
		found = append(found, policy)
	}
	have, err := strconv.Atoi(f.Settings["min.insync.replicas"])
	switch {
	case err != nil:
		found = append(found, "min.insync.replicas "+notTold)
	case have < r.MinInSync:
		return warn(name, fmt.Sprintf("min.insync.replicas %d, wants %d", have, r.MinInSync), fmt.Sprintf("set min.insync.replicas=%d on it", r.MinInSync))
	default:
		found = append(found, fmt.Sprintf("min.insync.replicas %d", have))
	}
	if f.Settings == nil {
		return skipped(name, strings.Join(found, ", "))
	}
	return ok(name, strings.Join(found, ", "))
}

func notMade(name string, brokers []kafka.BrokerFacts, setting string, r kafka.Replication) Finding {
	answers, silent := ask(brokers, setting)
	for _, a := range answers {
		if int(a.value) < r.Factor {
			return fail(name, fmt.Sprintf("not made yet; %s of broker %d is %d, wants %d", setting, a.broker, a.value, r.Factor), fmt.Sprintf("set %s=%d before the first worker starts", setting, r.Factor))
		}
	}
	if silent > 0 {
		return skipped(name, "not there; "+setting+": "+notTold)
	}
	return ok(name, fmt.Sprintf("not made yet; %s is %d", setting, answers[0].value))
}
