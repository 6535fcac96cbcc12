package topology

import "strconv"

// Headers of a record that was redriven from a dead letter topic. It keeps its
// identity (HeaderID is set where it had none) and the coordinates it had when
// it was parked for the first time.
const (
	HeaderFirstTopic     = "pf_first_topic"
	HeaderFirstPartition = "pf_first_partition"
	HeaderFirstOffset    = "pf_first_offset"
	HeaderRedriven       = "pf_redriven" // the dead letter: topic/partition/offset
)

// Redriven says whether the record came back from a dead letter topic. Whoever
// remembers the ids of processed events remembers that of a redriven one for as
// long as dead letters are kept, so that a second redrive is dropped.
func (r *Raw) Redriven() bool { return len(r.Header(HeaderRedriven)) > 0 }

// First is where the event first was: the coordinates that its headers tell,
// or the record's own.
func (r *Raw) First() Position {
	own := Position{r.Topic, r.Partition, r.Offset}
	topic := r.Header(HeaderFirstTopic)
	partition, err := strconv.ParseInt(string(r.Header(HeaderFirstPartition)), 10, 32)
	if err != nil || partition < 0 || len(topic) == 0 {
		return own
	}
	offset, err := strconv.ParseInt(string(r.Header(HeaderFirstOffset)), 10, 64)
	if err != nil || offset < 0 {
		return own
	}
	return Position{string(topic), int32(partition), offset}
}

// Redrive returns the headers of a record that goes back from the dead letter
// at a position: those it had, its identity where one is known, and where it
// first was.
func Redrive(parked *Raw, dead Position, id string) []Header {
	first := parked.First()
	var out []Header
	for _, h := range parked.Headers {
		switch h.Key {
		case HeaderFirstTopic, HeaderFirstPartition, HeaderFirstOffset, HeaderRedriven, HeaderTopic, HeaderPartition, HeaderOffset:
		default:
			out = append(out, h)
		}
	}
	if id != "" && len(parked.Header(HeaderID)) == 0 {
		out = append(out, Header{HeaderID, []byte(id)})
	}
	return append(out,
		Header{HeaderFirstTopic, []byte(first.Topic)},
		Header{HeaderFirstPartition, strconv.AppendInt(nil, int64(first.Partition), 10)},
		Header{HeaderFirstOffset, strconv.AppendInt(nil, first.Offset, 10)},
		Header{HeaderRedriven, []byte(dead.Topic + "/" + strconv.Itoa(int(dead.Partition)) + "/" + strconv.FormatInt(dead.Offset, 10))})
}
