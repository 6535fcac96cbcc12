package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// checker reads what went in and what came out with a plain client, committed
// records only, and works out by itself what must have come of it. It knows
// topic names and JSON, and nothing of the engine.
type checker struct {
	client *kgo.Client
	next   map[string]map[int32]int64 // first offset not read

	inputs   map[string]input          // by id
	bad      map[string]int            // key of a record that does not decode -> how many
	changes  map[string]int            // account -> changes
	receipts map[string]int            // id -> how many
	reminded map[string]int            // id -> how many reminders
	noted    map[string]int            // id -> how many notes
	counts   map[string][]int          // account -> n of its receipts, as they came
	joined   map[string]int            // account -> most changes that a join saw
	looked   map[int32]bool            // partitions in which a lookup has found its row
	unlooked int                       // receipts after that whose lookup found nothing
	dead     map[string]int            // key -> dead letters
	table    map[string]map[string]int // account -> id -> times, from the changelog
	view     map[string]map[string]int // the same from the view's topic
	accounts map[string]int            // account -> n, from the changelog
	outside  *receiver                 // of effects
	parked   map[string]int            // id -> dead letters of its effect
	letters  map[lane][]string         // the same, as they came
	badMail  map[string]int            // key -> dead letters that the effects' group wrote of what does not decode
	rows     int                       // records of the ledgers' changelog
	arrived  func(partition int32, at time.Time)
}

// input is where an event lies; in place means at the partition of its key in
// the stream that has the table's partitions.
type input struct {
	account, topic string
	partition      int32
	offset         int64
	inPlace        bool
}

// murmur2 is the partitioner of Kafka's own clients.
var murmur2 = kgo.StickyKeyPartitioner(nil).ForTopic(topicPosted)

const (
	topicPosted   = "chaos.posted"
	topicAdjusted = "chaos.adjusted"
	topicChanged  = "chaos.account-changed"
	topicReceipts = "chaos.receipts"
	topicReminded = "chaos.reminders"
	topicNotes    = "chaos.notes."
	topicLedgers  = "ledgers.v1-chaos-consumer-table"
	topicView     = "chaos.ledgers"
	topicAccounts = "accounts.v1-chaos-consumer-table"
	groupMails    = "mails.v1-chaos-consumer"
)

var checked = []string{topicPosted, topicAdjusted, topicChanged, topicReceipts, topicLedgers, topicView, topicAccounts,
	topicPosted + ".dlq", topicAdjusted + ".dlq", topicReminded, topicNotes + "0", topicNotes + "1",
	"ledgers.v1-chaos-consumer-echo-loop.dlq", "ledgers.v1-chaos-consumer-ticks.dlq", groupMails + "-ticks.dlq"}

func newChecker(brokers []string, outside *receiver) (*checker, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ClientID("chaos-checker"), kgo.ConsumeTopics(checked...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return &checker{client: client, next: map[string]map[int32]int64{}, inputs: map[string]input{}, bad: map[string]int{},
		changes: map[string]int{}, receipts: map[string]int{}, reminded: map[string]int{}, noted: map[string]int{}, counts: map[string][]int{}, joined: map[string]int{}, looked: map[int32]bool{}, dead: map[string]int{},
		table: map[string]map[string]int{}, view: map[string]map[string]int{}, accounts: map[string]int{},
		outside: outside, parked: map[string]int{}, letters: map[lane][]string{}, badMail: map[string]int{}}, nil
}

// quiet is how long nothing may come before a partition whose last records
// were compacted away counts as read.
const quiet = 2 * time.Second

// catchUp reads all that is committed now.
func (c *checker) catchUp(ctx context.Context) error {
	ends, err := kadm.NewClient(c.client).ListCommittedOffsets(ctx, checked...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("ends: %w", err)
	}
	last := time.Now()
	for c.behind(ends) && time.Since(last) < quiet {
		pollCtx, cancel := context.WithTimeout(ctx, quiet)
		f := c.client.PollFetches(pollCtx)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if f.NumRecords() > 0 {
			last = time.Now()
		}
		f.EachRecord(c.take)
	}
	return nil
}

func (c *checker) behind(ends kadm.ListedOffsets) (behind bool) {
	ends.Each(func(o kadm.ListedOffset) { behind = behind || c.next[o.Topic][o.Partition] < o.Offset })
	return behind
}

func (c *checker) take(r *kgo.Record) {
	if c.next[r.Topic] == nil {
		c.next[r.Topic] = map[int32]int64{}
	}
	c.next[r.Topic][r.Partition] = r.Offset + 1
	if r.Attrs.IsControl() {
		return
	}
	var body struct {
		ID, Account       string
		N, Joined, Looked int
		IDs               map[string]int
	}
	key := string(r.Key)
	if strings.HasSuffix(r.Topic, ".dlq") {
		c.letter(r)
		return
	}
	broken := json.Unmarshal(r.Value, &body) != nil
	switch r.Topic {
	case topicPosted, topicAdjusted:
		if broken {
			c.bad[key]++
		} else {
			c.inputs[body.ID] = input{key, r.Topic, r.Partition, r.Offset, r.Topic == topicPosted && int32(murmur2.Partition(r, partitions)) == r.Partition}
		}
	case topicChanged:
		c.changes[key]++
	case topicReceipts:
		c.receipts[body.ID]++
		c.counts[key] = append(c.counts[key], body.N)
		c.joined[key] = max(c.joined[key], body.Joined)
		if body.Looked > 0 {
			c.looked[r.Partition] = true
		} else if c.looked[r.Partition] {
			c.unlooked++
		}
		if c.arrived != nil {
			c.arrived(r.Partition, time.Now())
		}
	case topicReminded:
		c.reminded[body.ID]++
	case topicNotes + "0", topicNotes + "1":
		if want := topicNotes + strconv.Itoa(serial(body.ID)%2); r.Topic == want {
			c.noted[body.ID]++
		}
	case topicLedgers:
		c.table[key] = body.IDs
		c.rows++
	case topicView:
		c.view[key] = body.IDs
	case topicAccounts:
		c.accounts[key] = body.N
	}
}

var idInside = regexp.MustCompile(`"id":"(id-[0-9]+)"`)

// letter takes a dead letter. It holds the name of the group that wrote it, and
// the record as it was.
func (c *checker) letter(r *kgo.Record) {
	key := string(r.Key)
	id := idInside.FindSubmatch(r.Value)
	switch {
	case !bytes.Contains(r.Value, []byte(groupMails)):
		c.dead[key]++
	case id == nil:
		c.badMail[key]++
	default:
		c.parked[string(id[1])]++
		at := lane{key, r.Partition}
		c.letters[at] = append(c.letters[at], string(id[1]))
	}
}

// owed are ids that lie before the committed positions of their stream and
// have no receipt. Read the positions first, then catch up.
func (c *checker) owed(committed kadm.OffsetResponses) (ids []string) {
	for id, in := range c.inputs {
		if at, ok := committed.Lookup(in.topic, in.partition); ok && in.inPlace && in.offset < at.At && c.receipts[id] == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// verify returns every kind of objection with an example and a count.
func (c *checker) verify() (objections []string) {
	kinds := map[string]*objection{}
	object := func(kind, format string, a ...any) {
		if kinds[kind] == nil {
			kinds[kind] = &objection{example: fmt.Sprintf(format, a...)}
		}
		kinds[kind].n++
	}
	want := c.want()
	letters := map[string]int{}
	ids := map[string]bool{}
	for account, applied := range want {
		for id := range applied {
			ids[id] = true
			if n := c.receipts[id]; n != 1 {
				object(fmt.Sprintf("inputs with %d receipts", n), "id %s of %s", id, account)
			}
			if n := c.reminded[id]; n != 1 {
				object(fmt.Sprintf("inputs with %d reminders", n), "id %s of %s", id, account)
			}
			notes := 1
			if serial(id)%50 == 33 { // its topic does not exist
				notes = 0
				letters[account]++
			}
			if n := c.noted[id]; n != notes {
				object(fmt.Sprintf("inputs with %d notes, not %d", n, notes), "id %s of %s", id, account)
			}
		}
	}
	for id := range c.receipts {
		if !ids[id] {
			object("receipts of nothing", "id %s", id)
		}
	}
	c.compare("table", c.table, want, object)
	c.compare("view", c.view, want, object)
	for a, ns := range c.counts {
		for i, n := range ns {
			if n != i+1 {
				object("receipts out of order", "%s: receipt %d says %d", a, i+1, n)
				break
			}
		}
		if c.joined[a] > c.changes[a] {
			object("joins that saw too much", "%s: %d of %d changes", a, c.joined[a], c.changes[a])
		}
	}
	for a, n := range c.changes {
		if c.accounts[a] != n {
			object("wrong accounts", "%s: %d changes counted, made %d", a, c.accounts[a], n)
		}
	}
	if c.unlooked > 0 {
		object("lookups that found nothing", "%d receipts", c.unlooked)
	}
	c.effects(object)
	for key, n := range c.bad {
		letters[key] += n
		if c.badMail[key] != n {
			object("wrong dead letters of the effects' group", "%s: %d, want %d", key, c.badMail[key], n)
		}
	}
	for key, n := range letters {
		if c.dead[key] != n {
			object("wrong dead letters", "%s: %d, want %d", key, c.dead[key], n)
		}
	}
	for key := range c.dead {
		if letters[key] == 0 {
			object("dead letters of good records", "%s", key)
		}
	}
	for kind, o := range kinds {
		objections = append(objections, fmt.Sprintf("%d %s, e.g. %s", o.n, kind, o.example))
	}
	slices.Sort(objections)
	return objections
}

// want is the recomputation: every id once, and every fifth again in the
// account's mirror.
func (c *checker) want() map[string]map[string]int {
	want := map[string]map[string]int{}
	once := func(account, id string) {
		if want[account] == nil {
			want[account] = map[string]int{}
		}
		want[account][id] = 1
	}
	for id, in := range c.inputs {
		once(in.account, id)
		if serial(id)%5 == 0 {
			once("mirror-"+in.account, id+"~")
		}
	}
	return want
}

// serial is the number in an id.
func serial(id string) (n int) {
	for _, r := range id {
		if r >= '0' && r <= '9' {
			n = 10*n + int(r-'0')
		}
	}
	return n
}

type objection struct {
	example string
	n       int
}

func (c *checker) compare(what string, have, want map[string]map[string]int, object func(kind, format string, a ...any)) {
	for account, ids := range want {
		for id := range ids {
			if n := have[account][id]; n != 1 {
				object(fmt.Sprintf("ids applied %d times in the %s", n, what), "id %s of %s", id, account)
			}
		}
	}
	for account, ids := range have {
		for id := range ids {
			if want[account][id] == 0 {
				object("ids of nothing in the "+what, "id %s of %s", id, account)
			}
		}
	}
}
