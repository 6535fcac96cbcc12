package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Client is one connection to the broker for tools.
type Client struct {
	kafka *kgo.Client
	admin *kadm.Client
}

// pingTimeout bounds the first answer of the broker.
const pingTimeout = 10 * time.Second

// Dial connects and makes sure that a broker answers.
func Dial(ctx context.Context, brokers []string, opts ...kgo.Opt) (*Client, error) {
	c, err := Open(brokers, opts...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := c.kafka.Ping(ctx); err != nil {
		c.Close()
		return nil, unanswered(brokers, err)
	}
	return c, nil
}

// Open makes a client that connects when it is used.
func Open(brokers []string, opts ...kgo.Opt) (*Client, error) {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.ClientID("payerflow-cli"),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerBatchMaxBytes(maxRecordBytes),
		kgo.RecordDeliveryTimeout(time.Minute), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(250 * time.Millisecond)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return &Client{c, kadm.NewClient(c)}, nil
}

// Close ends the connection.
func (c *Client) Close() { c.kafka.Close() }

// maxRecordBytes holds the largest record of the largest topic.
const maxRecordBytes = 20 << 20
