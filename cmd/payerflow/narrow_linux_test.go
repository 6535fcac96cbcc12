package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/topologies"
)

// narrow is a connection that has room for little on its way, at both ends: that
// of who sends grows with the segments.
func narrow(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) {
			if err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096); err == nil {
				err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
			}
		}); e != nil {
			return e
		}
		return err
	}}
	return d.DialContext(ctx, network, address)
}

// watchUnread opens a watch of a claim that nobody reads.
func watchUnread(t *testing.T, address, token, claim string) net.Conn {
	t.Helper()
	c, err := narrow(ctx(t, time.Minute), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Write([]byte("GET /v1/views/claim-status/" + claim + " HTTP/1.1\r\nHost: any\r\nAccept: text/event-stream\r\nAuthorization: Bearer " + token + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	return c
}

// waitsAt are the ends of connections that are established, with what they have
// sent that is not taken. Whoever does not read would not see the end of one:
// what lies before is in its way.
func waitsAt(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(string(b))); lines.Scan(); {
		if at := strings.Fields(lines.Text()); len(at) > 4 && at[3] == "01" {
			sent, _, _ := strings.Cut(at[4], ":")
			open[at[1]+" "+at[2]] = sent
		}
	}
	return open
}

// farEnd is the key of the other end of a connection in waitsAt.
func farEnd(c net.Conn) string {
	text := func(a net.Addr) string {
		at := a.(*net.TCPAddr)
		return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(at.IP.To4()), at.Port)
	}
	return text(c.RemoteAddr()) + " " + text(c.LocalAddr())
}

// TestAStopDoesNotWaitForReadersWhoTakeNothing ends a worker while a watch finds
// no room for what it has to tell, for longer than the worker may take.
func TestAStopDoesNotWaitForReadersWhoTakeNothing(t *testing.T) {
	t.Setenv("PAYERFLOW_HTTP_SHUTDOWN_TIMEOUT", "4s")
	tg := servers(t)
	p, base := tg.worker(t, t.TempDir())
	within(t, time.Minute, "partitions", func() bool { return get(t, base+"/readyz", nil) == 200 })
	const claim = "CLM-UNREAD"
	c := watchUnread(t, strings.TrimPrefix(base, "http://"), tg.token, claim)
	producer := tg.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	topic, _ := topologies.TopicOf("claims.claim.submitted")
	n, full, since := 0, "", time.Time{}
	within(t, time.Minute, "a watch that has no more room", func() bool {
		r := &kgo.Record{Topic: topic.Name, Partition: topology.Partition([]byte(claim), topic.Partitions), Key: []byte(claim),
			Value: submittedValue(t, tg, claim, time.Date(2026, 1, 2, 0, 0, n, 0, time.UTC)), Timestamp: time.Now()}
		if err := producer.ProduceSync(ctx(t, time.Minute), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		n++
		if now := waitsAt(t)[farEnd(c)]; now != full || now == "" || now == "00000000" {
			full, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
	p.terminate()
}
