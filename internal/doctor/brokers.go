package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"payerflow/connectors/kafka"
)

func reached(brokers []kafka.BrokerFacts) Finding {
	var versions []string
	for _, b := range brokers {
		if !slices.Contains(versions, b.Version) {
			versions = append(versions, b.Version)
		}
	}
	found := fmt.Sprintf("%s; Kafka release by the requests taken: %s", plural(len(brokers), "broker answers", "brokers answer"), strings.Join(versions, ", "))
	if len(versions) > 1 {
		return warn("broker", found, "finish the upgrade: every broker counts as its oldest")
	}
	return ok("broker", found)
}

// size says what a small cluster cannot give.
func size(n int, dev bool) Finding {
	const check = "cluster size"
	if n >= kafka.Required.Factor {
		return ok(check, plural(n, "broker", "brokers"))
	}
	r := kafka.Required.CappedTo(n)
	found := fmt.Sprintf("%s: replication factor is capped to %d in place of %d, min.insync.replicas to %d in place of %d",
		plural(n, "broker", "brokers"), r.Factor, kafka.Required.Factor, r.MinInSync, kafka.Required.MinInSync)
	if dev {
		return warn(check, found, "nothing on a cluster for development (--dev)")
	}
	return fail(check, found, fmt.Sprintf("start brokers that are down, and run %d or more; on a cluster for development, say --dev", kafka.Required.Factor))
}

// wanted requests, and the version from which on they do what the engine needs.
type wanted struct {
	request kafka.Request
	from    int16
	why     string
}

var (
	groupRequests       = []wanted{{kafka.JoinGroup, 5, "static membership"}}
	transactionRequests = []wanted{
		{kafka.InitProducerID, 0, "transactions"}, {kafka.AddPartitionsTxn, 0, "transactions"}, {kafka.AddOffsetsToTxn, 0, "transactions"},
		{kafka.EndTxn, 0, "transactions"}, {kafka.TxnOffsetCommit, 3, "positions fenced by group generation"},
	}
)

// features are the checks of versions and of timeouts.
func features(brokers []kafka.BrokerFacts, s Setup) []Finding {
	out := []Finding{takes("consumer groups", brokers, groupRequests, "use a broker of Kafka 2.5 or newer")}
	if s.ExactlyOnce {
		out = append(out, takes("transactions", brokers, transactionRequests, "use a broker of Kafka 2.5 or newer, or set engine.guarantee to at-least-once"),
			transactionTimeout(brokers, s.TransactionTimeout))
	} else {
		out = append(out, skipped("transactions", "engine.guarantee is at-least-once"), skipped("transaction timeout", "engine.guarantee is at-least-once"))
	}
	return append(out, sessionTimeout(brokers, s.SessionTimeout))
}

func takes(check string, brokers []kafka.BrokerFacts, all []wanted, do string) Finding {
	var lacks []string
	for _, b := range brokers {
		for _, w := range all {
			if newest, there := b.Newest[w.request]; !there || newest < w.from {
				lacks = append(lacks, fmt.Sprintf("broker %d lacks %s version %d (%s)", b.ID, w.request, w.from, w.why))
			}
		}
	}
	if len(lacks) > 0 {
		return fail(check, some(lacks), do)
	}
	return ok(check, "every broker takes the requests that the engine sends")
}

// told is a number that every broker is asked for.
type told struct {
	broker int32
	value  int64
}

// ask collects a setting from all brokers; silent counts those that do not tell.
func ask(brokers []kafka.BrokerFacts, setting string) (out []told, silent int) {
	for _, b := range brokers {
		n, err := strconv.ParseInt(b.Settings[setting], 10, 64)
		if err != nil {
			silent++
			continue
		}
		out = append(out, told{b.ID, n})
	}
	return out, silent
}

func transactionTimeout(brokers []kafka.BrokerFacts, want time.Duration) Finding {
	const check, setting = "transaction timeout", "transaction.max.timeout.ms"
	return bound(check, brokers, setting, "at least engine.transaction-timeout", want, func(have time.Duration) bool { return have >= want })
}

func sessionTimeout(brokers []kafka.BrokerFacts, want time.Duration) Finding {
	const check = "session timeout"
	low := bound(check, brokers, "group.min.session.timeout.ms", "at most engine.session-timeout", want, func(have time.Duration) bool { return have <= want })
	high := bound(check, brokers, "group.max.session.timeout.ms", "at least engine.session-timeout", want, func(have time.Duration) bool { return have >= want })
	both := Finding{check, worse(low.State, high.State), low.Found + "; " + high.Found, low.Do}
	if both.Do == "" {
		both.Do = high.Do
	}
	return both
}

// bound judges a time that brokers set for their clients.
func bound(check string, brokers []kafka.BrokerFacts, setting, rule string, ours time.Duration, good func(time.Duration) bool) Finding {
	answers, silent := ask(brokers, setting)
	for _, a := range answers {
		if have := milliseconds(a.value); !good(have) {
			return fail(check, fmt.Sprintf("%s of broker %d is %s, ours is %s", setting, a.broker, have, ours), "make "+setting+" "+rule+", or change ours")
		}
	}
	if silent > 0 {
		return skipped(check, setting+": "+notTold)
	}
	return ok(check, fmt.Sprintf("%s is %s, ours is %s", setting, milliseconds(answers[0].value), ours))
}

// offsetsKept judges how long a group that stands still keeps its positions.
func offsetsKept(brokers []kafka.BrokerFacts, inputs time.Duration) Finding {
	const check, setting = "committed positions", "offsets.retention.minutes"
	answers, silent := ask(brokers, setting)
	for _, a := range answers {
		kept := time.Duration(a.value) * time.Minute
		found := fmt.Sprintf("%s of broker %d is %s; inputs are kept %s", setting, a.broker, inDays(kept), inDays(inputs))
		do := "a group that stands still for longer begins at the start of its inputs, and folds again what is still kept: raise " + setting
		switch {
		case kept < 24*time.Hour:
			return fail(check, found, do)
		case inputs == 0 || kept < inputs:
			return warn(check, found, do)
		}
	}
	if silent > 0 {
		return skipped(check, setting+": "+notTold)
	}
	return ok(check, fmt.Sprintf("%s is %s; inputs are kept %s", setting, inDays(time.Duration(answers[0].value)*time.Minute), inDays(inputs)))
}

// milliseconds is a broker's time. Its largest numbers mean for ever.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(n, int64(forEver/time.Millisecond))) * time.Millisecond
}

const forEver = 100 * 365 * 24 * time.Hour

func inDays(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d <= 0:
		return "for ever"
	case d%day == 0:
		return plural(int(d/day), "day", "days")
	}
	return d.String()
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
