package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// audience is the process that watches, and what it was told: it writes that to a
// file.
type audience struct {
	cmd   *exec.Cmd
	in    io.Closer // when it is closed, the process ends
	file  string
	run   *watchRun
	cuts  int
	first int // of the claims that are watched
}

// heard is one event of a watch: its place is where its row had got to.
type heard struct {
	Watcher, Partition int32
	Next               int64
	At                 int64 // UnixNano
	First              bool  // it is the row as it was
}

func openReaders(ctx context.Context, r *watchRun) (*audience, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &audience{file: filepath.Join(r.dir, "told"), run: r, first: 2 * r.claims}
	w.cmd = exec.CommandContext(ctx, self, "watchers", r.worker.url, w.file, strconv.Itoa(r.watchers), strconv.Itoa(r.http1), strconv.Itoa(w.first), strconv.Itoa(r.claims))
	w.cmd.Env = append(os.Environ(), "TOKEN="+r.token)
	w.cmd.Stderr = os.Stderr
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "open" {
		return w, errors.New("not all watches are opened")
	}
	go func() {
		for lines.Scan() {
			w.cuts++
		}
	}()
	return w, nil
}

func (w *audience) stop() {
	if w == nil {
		return
	}
	_ = w.in.Close()
	late := time.AfterFunc(10*time.Second, func() { _ = w.cmd.Process.Kill() })
	defer late.Stop()
	_ = w.cmd.Wait()
}

// all is what was told so far.
func (w *audience) all() (out []heard) {
	f, err := os.Open(w.file)
	must(err)
	defer f.Close()
	in := bufio.NewReader(f)
	for h := (heard{}); binary.Read(in, binary.LittleEndian, &h) == nil; {
		out = append(out, h)
	}
	return out
}

func (w *audience) count() (n int) {
	if w == nil {
		return 0
	}
	for _, h := range w.all() {
		if !h.First {
			n++
		}
	}
	return n
}

// late is how long after their commit states were told that came since a time.
func (w *audience) late(c *commits, since time.Time) (out []time.Duration) {
	if w == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range w.all() {
		at, ok := c.at[place{h.Partition, h.Next - 1}]
		if ok && !h.First && h.At >= since.UnixNano() {
			out = append(out, time.Duration(h.At-at.UnixNano()))
		}
	}
	return out
}

// verify holds what each watcher was told to what was committed of its row.
func (w *audience) verify(c *commits) error {
	told := make([][]heard, w.run.watchers)
	for _, h := range w.all() {
		told[h.Watcher] = append(told[h.Watcher], h)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	byKey := map[string][]int64{}
	for _, states := range c.states {
		for _, s := range states {
			byKey[s.key] = append(byKey[s.key], s.offset+1)
		}
	}
	states := 0
	for n, got := range told {
		if len(got) == 0 || !got[0].First {
			return fmt.Errorf("watcher %d was not told its row", n)
		}
		var want, have []int64
		for _, next := range byKey[claimKey(w.first+n%w.run.claims)] {
			if next > got[0].Next {
				want = append(want, next)
			}
		}
		for _, h := range got[1:] {
			have = append(have, h.Next)
		}
		if !slices.Equal(want, have) {
			return fmt.Errorf("watcher %d was told %d states of %d", n, len(have), len(want))
		}
		states += len(have)
	}
	fmt.Printf("%d watchers were told %d states: each all that were committed of its row, once and in their order. %d watches were cut and resumed.\n", len(told), states, w.cuts)
	return nil
}
