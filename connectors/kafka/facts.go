package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// askTimeout bounds one question to the cluster: a tool reports what it could
// not find out, and goes on.
const askTimeout = 15 * time.Second

// BrokerFacts are what one broker says about itself.
type BrokerFacts struct {
	ID       int32
	Version  string            // the release that takes such requests, as v4.3; "none" where it is no release
	Newest   map[Request]int16 // the newest version of each request that it takes
	Settings map[string]string // nil: it does not tell
}

// Request is a kind of request of the Kafka protocol, by its number.
type Request int16

// Requests that the engine cannot do without.
const (
	JoinGroup        = Request(kmsg.JoinGroup)
	InitProducerID   = Request(kmsg.InitProducerID)
	AddOffsetsToTxn  = Request(kmsg.AddOffsetsToTxn)
	TxnOffsetCommit  = Request(kmsg.TxnOffsetCommit)
	EndTxn           = Request(kmsg.EndTxn)
	AddPartitionsTxn = Request(kmsg.AddPartitionsToTxn)
)

func (r Request) String() string { return kmsg.Key(r).Name() }

// TopicFacts are what the cluster says about one topic.
type TopicFacts struct {
	Missing    bool
	Partitions int
	Replicas   int               // the fewest of any partition
	InSync     int               // the fewest in sync of any partition
	Leaderless int               // partitions without a leader
	Settings   map[string]string // nil: not told
	May        []string          // what we may do with it, as READ; nil: not told
	Denied     bool              // we may not even see it
}

// BrokerFacts asks every broker of the cluster, in the order of their ids.
func (c *Client) BrokerFacts(ctx context.Context) ([]BrokerFacts, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	versions, err := c.admin.ApiVersions(ctx)
	if err != nil {
		return nil, fmt.Errorf("brokers: %w", err)
	}
	var out []BrokerFacts
	for id, v := range versions {
		if v.Err != nil {
			return nil, fmt.Errorf("broker %d does not answer: %w", id, v.Err)
		}
		b := BrokerFacts{ID: id, Version: release(v.VersionGuess()), Newest: map[Request]int16{}}
		v.EachKeySorted(func(key, _, newest int16) { b.Newest[Request(key)] = newest })
		described, _ := c.admin.DescribeBrokerConfigs(ctx, id)
		b.Settings = settingsOf(described)[fmt.Sprint(id)]
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b BrokerFacts) int { return int(a.ID - b.ID) })
	return out, nil
}

// release is a guessed version where it names one: a broker that is not
// Apache Kafka may lack what old releases have.
func release(guess string) string {
	if strings.HasPrefix(guess, "v") || strings.HasPrefix(guess, "at least v") {
		return guess
	}
	return "none"
}

// settingsOf are the configs of each resource that tells them. A sensitive one
// has no value and is left out.
func settingsOf(described kadm.ResourceConfigs) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, d := range described {
		if d.Err != nil {
			continue
		}
		out[d.Name] = map[string]string{}
		for _, kv := range d.Configs {
			if kv.Value != nil && !kv.Sensitive {
				out[d.Name][kv.Key] = *kv.Value
			}
		}
	}
	return out
}

// TopicFacts asks about topics. It makes none by asking.
func (c *Client) TopicFacts(ctx context.Context, names ...string) (map[string]TopicFacts, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.IncludeTopicAuthorizedOperations = true
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(n)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, c.kafka)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	out := map[string]TopicFacts{}
	var there []string
	for _, t := range resp.Topics {
		name := ""
		if t.Topic != nil {
			name = *t.Topic
		}
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case err == nil:
			out[name] = placed(t)
			there = append(there, name)
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			out[name] = TopicFacts{Missing: true}
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			out[name] = TopicFacts{Denied: true}
		default:
			return nil, fmt.Errorf("topic %s: %w", name, err)
		}
	}
	described, _ := c.admin.DescribeTopicConfigs(ctx, there...) // what is not told is a fact of its own
	for name, s := range settingsOf(described) {
		f := out[name]
		f.Settings = s
		out[name] = f
	}
	return out, nil
}

func placed(t kmsg.MetadataResponseTopic) TopicFacts {
	f := TopicFacts{Partitions: len(t.Partitions), May: operations(kadm.DecodeACLOperations(t.AuthorizedOperations))}
	for i, p := range t.Partitions {
		if i == 0 || len(p.Replicas) < f.Replicas {
			f.Replicas = len(p.Replicas)
		}
		if i == 0 || len(p.ISR) < f.InSync {
			f.InSync = len(p.ISR)
		}
		if p.Leader < 0 {
			f.Leaderless++
		}
	}
	return f
}

func operations(ops []kadm.ACLOperation) (out []string) {
	for _, op := range ops {
		out = append(out, op.String())
	}
	return out
}

// PartitionOf is where tools put a keyed record: franz-go's own reading of
// Kafka's partitioner.
func PartitionOf(key []byte, partitions int) int {
	return kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: key}, partitions)
}
