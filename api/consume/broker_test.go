package consume_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/internal/stage"
	"payerflow/tables"
)

// raw writes bytes to a subscription's topic.
func (s *desk) raw(sub tables.Subscription, value []byte) {
	s.Helper()
	stage.Must(s, s.writer.ProduceSync(s.Context(), &kgo.Record{Topic: sub.Topic(), Key: []byte("k"), Value: value}).FirstErr())
}

// read is what a topic holds, once it holds so much.
func (s *desk) read(topic string, least int) (out []*kgo.Record) {
	s.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(s.Broker.Addr()), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	stage.Must(s, err)
	defer c.Close()
	for len(out) < least {
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		f := c.PollFetches(ctx)
		cancel()
		stage.Must(s, f.Err0())
		out = append(out, f.Records()...)
	}
	return out
}

// join takes a subscription's pull group as a Kafka client does.
func (s *desk) join(sub tables.Subscription, clientID string) {
	s.Helper()
	has := make(chan struct{}, 1)
	c, err := kgo.NewClient(kgo.SeedBrokers(s.Broker.Addr()), kgo.ClientID(clientID), kgo.ConsumerGroup(sub.Team+"."+sub.Name+"-pull"), kgo.ConsumeTopics(sub.Topic()),
		kgo.Balancers(kgo.RangeBalancer()), kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			select {
			case has <- struct{}{}:
			default:
			}
		}))
	stage.Must(s, err)
	s.Cleanup(c.Close)
	select {
	case <-has:
	case <-time.After(time.Minute):
		s.Fatal("no partitions")
	}
}

// listen calls back at every connection.
func listen(t *testing.T, called func()) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	stage.Must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			called()
			c.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// wire is a network that can be cut.
type wire struct {
	mu    sync.Mutex
	isCut bool
	conns []net.Conn
}

func (w *wire) option() kafka.Option {
	return kgo.Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.isCut {
			return nil, errors.New("the wire is cut")
		}
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err == nil {
			w.conns = append(w.conns, c)
		}
		return c, err
	})
}

func (w *wire) cut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isCut = cut; cut {
		for _, c := range w.conns {
			c.Close()
		}
		w.conns = nil
	}
}
