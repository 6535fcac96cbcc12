package batching

import (
	"strconv"

	"payerflow/internal/topology"
)

// IsCoordinate says whether a header tells where a record was before it was
// repartitioned.
func IsCoordinate(header string) bool {
	return header == topology.HeaderTopic || header == topology.HeaderPartition || header == topology.HeaderOffset
}

// Original gives a repartitioned record its first coordinates back.
func Original(raw *topology.Raw) {
	p, _ := strconv.ParseInt(string(raw.Header(topology.HeaderPartition)), 10, 32)
	o, _ := strconv.ParseInt(string(raw.Header(topology.HeaderOffset)), 10, 64)
	raw.Topic, raw.Partition, raw.Offset = string(raw.Header(topology.HeaderTopic)), int32(p), o
	kept := raw.Headers[:0:0]
	for _, h := range raw.Headers {
		if !IsCoordinate(h.Key) {
			kept = append(kept, h)
		}
	}
	raw.Headers = kept
}
