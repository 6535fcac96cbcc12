package kafka

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Position is how far a consumer topic was read: the next offset of each
// partition, and which topic it was, since a name may be used again.
type Position struct {
	Topic string // the first eight hex digits of the topic's id
	Next  map[int32]int64
}

// String is for example 1f2e3d4c.0:42,1:17.
func (p Position) String() string {
	var b strings.Builder
	b.WriteString(p.Topic)
	for i, n := range slices.Sorted(maps.Keys(p.Next)) {
		b.WriteByte(".,"[min(i, 1)])
		b.WriteString(strconv.FormatInt(int64(n), 10) + ":" + strconv.FormatInt(p.Next[n], 10))
	}
	return b.String()
}

// Clone is a position of its own.
func (p Position) Clone() Position { return Position{p.Topic, maps.Clone(p.Next)} }

var errPosition = errors.New("not a position of this API: it has the form 1f2e3d4c.0:42,1:17, as the id of an event")

// maxPartitions bounds what a position may name.
const maxPartitions = 1000

// ParsePosition is the inverse of String, and refuses every other text.
func ParsePosition(text string) (Position, error) {
	topic, rest, ok := strings.Cut(text, ".")
	p := Position{Topic: topic, Next: map[int32]int64{}}
	if !ok || len(topic) != topicDigits || strings.Trim(topic, "0123456789abcdef") != "" || strings.Count(rest, ",") >= maxPartitions {
		return Position{}, errPosition
	}
	for part := range strings.SplitSeq(rest, ",") {
		n, offset, _ := strings.Cut(part, ":")
		partition, err1 := strconv.ParseInt(n, 10, 32)
		at, err2 := strconv.ParseInt(offset, 10, 64)
		if err1 != nil || err2 != nil || partition < 0 || at < 0 {
			return Position{}, errPosition
		}
		p.Next[int32(partition)] = at
	}
	if p.String() != text { // an order, a zero or a partition too many
		return Position{}, errPosition
	}
	return p, nil
}
