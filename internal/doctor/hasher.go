package doctor

import (
	_ "embed" // the vectors are in the binary that is checked
	"encoding/json"
	"fmt"
	"strings"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
)

// vectors are what org.apache.kafka.common.utils.Utils.murmur2 and toPositive
// of kafka-clients 4.3.1 give for the UTF-8 of key, repeated times times.
//
//go:embed murmur2.json
var vectors []byte

type vector struct {
	Key     string `json:"key"`
	Times   int    `json:"times"`
	Murmur2 int32  `json:"murmur2"`
	Of6     int32  `json:"of6"`
	Of12    int32  `json:"of12"`
}

// hasher computes the vectors in this binary. Producers in other languages
// must put a key where the groups look for it.
func hasher(vectors []byte) Finding {
	const check = "partitioner"
	var all []vector
	if err := json.Unmarshal(vectors, &all); err != nil || len(all) == 0 {
		return fail(check, "the vectors cannot be read", rebuild)
	}
	for i, v := range all {
		key := []byte(strings.Repeat(v.Key, max(1, v.Times)))
		switch {
		case int32(topology.Murmur2(key)) != v.Murmur2, topology.Partition(key, 6) != v.Of6, topology.Partition(key, 12) != v.Of12:
			return fail(check, fmt.Sprintf("vector %d: the engine's hash is not Java's", i), rebuild)
		case kafka.PartitionOf(key, 6) != int(v.Of6), kafka.PartitionOf(key, 12) != int(v.Of12):
			return fail(check, fmt.Sprintf("vector %d: the publisher's partition is not Java's", i), rebuild)
		}
	}
	return ok(check, fmt.Sprintf("murmur2 as Java's clients, %d vectors", len(all)))
}

const rebuild = "do not start this binary: its rows would be where nobody looks for them"
