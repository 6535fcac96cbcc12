package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestConnectionsLeaveAReserve(t *testing.T) {
	for files, want := range map[uint64]int{64: fewestConnections, 1024: 512, 4096: 3072, 1 << 20: 1<<20 - reserveFiles, 1 << 40: 1 << 20} {
		if got := connectionsOf(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
}

// TestConnectionsBeyondTheBoundAreClosed asks for many more than may be open, in
// waves: those that are open are served to the end, the others are closed at
// once, and a place that becomes free is taken again.
func TestConnectionsBeyondTheBoundAreClosed(t *testing.T) {
	ln, err := listenHTTP(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const most = 8
	ln.(*bounded).most = most
	release := make(chan struct{})
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "begins\n")
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, "ends\n")
	})}
	go func() { _ = server.Serve(ln) }()
	defer server.Close()
	ask := func() *bufio.Reader {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Error(err)
			return nil
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, "GET / HTTP/1.0\r\n\r\n") // it may be closed already
		r := bufio.NewReader(c)
		for {
			switch line, err := r.ReadString('\n'); {
			case err != nil:
				return nil
			case line == "begins\n":
				return r
			}
		}
	}
	var open []*bufio.Reader
	for range most {
		open = append(open, ask())
	}
	var wave sync.WaitGroup
	for range 10 * most {
		wave.Go(func() {
			if ask() != nil {
				t.Error("more are served than may be open")
			}
		})
	}
	wave.Wait()
	close(release)
	for _, r := range open {
		if line, err := r.ReadString('\n'); line != "ends\n" {
			t.Errorf("what was open lost its end: %q, %v", line, err)
		}
	}
	within(t, time.Minute, "a free place", func() bool { return ask() != nil })
}
