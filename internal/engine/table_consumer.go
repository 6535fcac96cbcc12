package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

// controlHeader marks a transaction marker on its way through goka.
const controlHeader = "payerflow-control"

var controlHeaders = []*sarama.RecordHeader{{Key: []byte(controlHeader)}}

// tableConsumer reads changelogs, committed records only. Transaction markers
// are delivered too: goka ends a recovery when it has seen the last offset,
// and on a transactional topic that is a marker.
type tableConsumer struct {
	client  *kgo.Client
	cluster *cluster
	cancel  context.CancelFunc
	done    chan struct{}
	mu      sync.Mutex
	open    map[topicPartition]*tableClaim
}

type tableClaim struct {
	c        *tableConsumer
	at       topicPartition
	messages chan *sarama.ConsumerMessage
	errs     chan *sarama.ConsumerError
	closed   chan struct{}
	once     sync.Once
	sending  sync.Mutex
	end      atomic.Int64
	next     int64     // position; run's
	moved    time.Time // when it moved last; run's
	looked   bool      // no empty batch follows; run's
}

func newTableConsumer(cfg Config, cl *cluster) (sarama.Consumer, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID("payerflow-tables"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		markers(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}, cfg.Client...)...)
	if err != nil {
		return nil, fmt.Errorf("table client: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &tableConsumer{client: client, cluster: cl, cancel: cancel, done: make(chan struct{}), open: map[topicPartition]*tableClaim{}}
	go c.run(ctx)
	return c, nil
}

func (c *tableConsumer) run(ctx context.Context) {
	defer close(c.done)
	for {
		f, _, _ := pollUntilLull(ctx, c.client) // errors are those of partitions
		if ctx.Err() != nil || f.IsClientClosed() {
			return
		}
		f.EachPartition(func(p kgo.FetchTopicPartition) {
			c.mu.Lock()
			t := c.open[topicPartition{p.Topic, p.Partition}]
			c.mu.Unlock()
			if t != nil {
				t.deliver(p)
			}
		})
		c.skipEmpty(ctx)
	}
}

// skipEmpty moves claims that have stood still for a lull past batches that
// hold no record. It asks once: what is appended later is delivered.
func (c *tableConsumer) skipEmpty(ctx context.Context) {
	for _, t := range c.still(time.Now().Add(-lull)) {
		next, err := c.cluster.pastEmpty(ctx, t.at.topic, t.at.partition, t.next)
		if err != nil {
			t.moved = time.Now() // asked again after the next lull
			return
		}
		if t.looked = next == t.next; !t.looked {
			t.skipTo(next)
		}
	}
}

func (c *tableConsumer) still(since time.Time) (ts []*tableClaim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.open {
		if !t.looked && t.moved.Before(since) {
			ts = append(ts, t)
		}
	}
	return ts
}

func (t *tableClaim) deliver(p kgo.FetchTopicPartition) {
	t.sending.Lock()
	defer t.sending.Unlock()
	if t.isClosed() {
		return
	}
	t.end.Store(p.HighWatermark)
	if p.Err != nil && !errors.Is(p.Err, context.Canceled) {
		select {
		case t.errs <- &sarama.ConsumerError{Topic: p.Topic, Partition: p.Partition, Err: p.Err}:
		case <-t.closed:
			return
		}
	}
	t.moved, t.looked = time.Now(), false
	for _, r := range p.Records {
		m := &sarama.ConsumerMessage{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp}
		if r.Attrs.IsControl() {
			m.Headers = controlHeaders
		} else {
			m.Key, m.Value = r.Key, r.Value
		}
		if !t.send(m) {
			return
		}
	}
}

// skipTo tells goka, by a marker, that nothing lies before next.
func (t *tableClaim) skipTo(next int64) {
	t.sending.Lock()
	defer t.sending.Unlock()
	if !t.isClosed() {
		t.send(&sarama.ConsumerMessage{Topic: t.at.topic, Partition: t.at.partition, Offset: next - 1, Headers: controlHeaders})
	}
}

// send waits until goka takes a message. sending is held, and the claim was
// open when it was taken.
func (t *tableClaim) send(m *sarama.ConsumerMessage) bool {
	select {
	case t.messages <- m:
		t.next = m.Offset + 1
		return true
	case <-t.closed:
		return false
	}
}

func (t *tableClaim) isClosed() bool {
	select {
	case <-t.closed:
		return true
	default:
		return false
	}
}

// ConsumePartition starts at an offset, or at sarama.OffsetOldest.
func (c *tableConsumer) ConsumePartition(topic string, partition int32, offset int64) (sarama.PartitionConsumer, error) {
	at := topicPartition{topic, partition}
	t := &tableClaim{c: c, at: at, messages: make(chan *sarama.ConsumerMessage, 1024), errs: make(chan *sarama.ConsumerError, 4), closed: make(chan struct{}),
		next: offset, moved: time.Now(), looked: offset < 0}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[at] != nil {
		return nil, fmt.Errorf("%s/%d is consumed already", topic, partition)
	}
	c.open[at] = t
	from := kgo.NewOffset().AtStart()
	if offset >= 0 {
		from = kgo.NewOffset().At(offset)
	}
	c.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: from}})
	return t, nil
}

func (t *tableClaim) AsyncClose() { go func() { _ = t.Close() }() }

func (t *tableClaim) Close() error {
	t.once.Do(func() {
		close(t.closed)
		t.c.client.RemoveConsumePartitions(map[string][]int32{t.at.topic: {t.at.partition}})
		t.c.mu.Lock()
		delete(t.c.open, t.at)
		t.c.mu.Unlock()
		t.sending.Lock()
		defer t.sending.Unlock()
		close(t.messages)
		close(t.errs)
	})
	return nil
}

func (t *tableClaim) Messages() <-chan *sarama.ConsumerMessage { return t.messages }
func (t *tableClaim) Errors() <-chan *sarama.ConsumerError     { return t.errs }
func (t *tableClaim) HighWaterMarkOffset() int64               { return t.end.Load() }
func (t *tableClaim) Pause()                                   {}
func (t *tableClaim) Resume()                                  {}
func (t *tableClaim) IsPaused() bool                           { return false }

// The rest of sarama.Consumer; goka calls HighWaterMarks and Close alone.
func (c *tableConsumer) Topics() ([]string, error)          { return nil, errors.ErrUnsupported }
func (c *tableConsumer) Partitions(string) ([]int32, error) { return nil, errors.ErrUnsupported }
func (c *tableConsumer) Pause(map[string][]int32)           {}
func (c *tableConsumer) Resume(map[string][]int32)          {}
func (c *tableConsumer) PauseAll()                          {}
func (c *tableConsumer) ResumeAll()                         {}
func (c *tableConsumer) HighWaterMarks() map[string]map[int32]int64 {
	ends := map[string]map[int32]int64{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, t := range c.open {
		if ends[at.topic] == nil {
			ends[at.topic] = map[int32]int64{}
		}
		ends[at.topic][at.partition] = t.end.Load()
	}
	return ends
}

func (c *tableConsumer) Close() error {
	c.cancel()
	c.mu.Lock()
	var all []*tableClaim
	for _, t := range c.open {
		all = append(all, t)
	}
	c.mu.Unlock()
	for _, t := range all {
		_ = t.Close()
	}
	<-c.done
	c.client.Close()
	return nil
}
