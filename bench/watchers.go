package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// watchers is a process that watches rows and writes down what it is told.
type watchers struct {
	url, token string
	two, one   *http.Client // HTTP/2, 1.1
	mu         sync.Mutex
	out        *bufio.Writer
	open       sync.WaitGroup
	gate       chan struct{}
}

// openAtOnce bounds how many watches are being opened.
const openAtOnce = 64

// beWatchers watches until standard input ends: URL FILE WATCHERS OF-WHICH-HTTP1
// FIRST-CLAIM CLAIMS.
func beWatchers(ctx context.Context, args []string) error {
	var n [4]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(args[2+i]); err != nil {
			return err
		}
	}
	f, err := os.Create(args[1])
	if err != nil {
		return err
	}
	defer f.Close()
	w := &watchers{url: args[0], token: os.Getenv("TOKEN"), out: bufio.NewWriter(f), gate: make(chan struct{}, openAtOnce)}
	w.two = &http.Client{Transport: &http.Transport{Protocols: new(http.Protocols)}}
	w.two.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	w.one = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n[1]}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.open.Add(n[0])
	for i := range n[0] {
		client := w.two
		if i < n[1] {
			client = w.one
		}
		go w.watch(ctx, client, int32(i), claimKey(n[2]+i%n[3]))
	}
	w.open.Wait()
	fmt.Println("open")
	go w.flush(ctx)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func (w *watchers) flush(ctx context.Context) {
	for ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		w.mu.Lock()
		_ = w.out.Flush() // a short file is found out
		w.mu.Unlock()
	}
}

// watch watches a row for as long as the process lives; a line on standard output
// says that it was cut and goes on.
func (w *watchers) watch(ctx context.Context, client *http.Client, n int32, key string) {
	opened := sync.OnceFunc(w.open.Done)
	for last := ""; ctx.Err() == nil; fmt.Println("cut") {
		w.gate <- struct{}{}
		err := w.listen(ctx, client, n, key, &last, opened)
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "watcher", n, err)
			time.Sleep(time.Second)
		}
	}
}

func (w *watchers) listen(ctx context.Context, client *http.Client, n int32, key string, last *string, opened func()) error {
	out := sync.OnceFunc(func() { <-w.gate })
	defer out()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/v1/views/"+claimReads+"/"+key, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Accept", "text/event-stream")
	if *last != "" {
		req.Header.Set("Last-Event-ID", *last)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("is answered %d", resp.StatusCode)
	}
	first := *last == ""
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 4<<10), 1<<20)
	kind := ""
	for lines.Scan() {
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
		switch string(name) {
		case "id":
			*last = string(value)
		case "event":
			kind = string(value)
		case "data":
			if kind != "row" {
				return fmt.Errorf("is told %s: %.200s", kind, value)
			}
			h := heard{Watcher: n, At: time.Now().UnixNano(), First: first}
			if h.Partition, h.Next, err = placeIn(value); err != nil {
				return err
			}
			w.mu.Lock()
			err := binary.Write(w.out, binary.LittleEndian, h)
			w.mu.Unlock()
			if err != nil {
				return err
			}
			first = false
			opened()
			out()
		}
	}
	return lines.Err()
}

// placeIn is the place that an event's token stands for.
func placeIn(data []byte) (partition int32, next int64, err error) {
	const field = `"position":"`
	_, text, _ := strings.Cut(string(data[max(0, bytes.LastIndex(data, []byte(field))):]), field)
	token, _, _ := strings.Cut(text, `"`)
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, 0, err
	}
	parts := strings.Split(string(b), ":")
	if _, err := fmt.Sscanf(parts[len(parts)-1], "%d.%d", &partition, &next); err != nil {
		return 0, 0, errors.New("an event without a place")
	}
	return partition, next, nil
}
