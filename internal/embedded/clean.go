package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"
)

// cleaned is touched when topics have been cleaned.
const cleaned = "cleaned"

// due says whether the last clean-up was long enough ago.
func (c BrokerConfig) due() bool {
	every := c.CleanEvery
	if every == 0 {
		every = DefaultCleanEvery
	}
	if c.DataDir == "" || every < 0 {
		return false
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, "topics.json")); err != nil {
		return false // a new one
	}
	last, err := os.Stat(filepath.Join(c.DataDir, cleaned))
	return err != nil || time.Since(last.ModTime()) > every
}

// tidyFirst cleans, where that is due, and moves partitions to their recorded
// log starts, where those are forgotten, before the broker that clients see is
// started: none of them ever meets what was deleted. Nor may topics be cleaned
// under clients: what kfake remembers of aborted transactions no longer agrees
// with what it has dropped of them, and readers of committed records would be
// spared good ones until the next start.
func tidyFirst(ctx context.Context, c BrokerConfig) error {
	forgetful, due := c.forgetful(), c.due()
	c.Addr, c.Advertise = "127.0.0.1:0", ""
	b, err := start(ctx, c)
	if err != nil {
		return err
	}
	if forgetful {
		if err := b.applyLogStarts(ctx, c.Superuser); err != nil {
			return errors.Join(fmt.Errorf("embedded broker: %w", err), b.Close())
		}
	}
	if !due {
		return b.Close()
	}
	if err := b.Clean(ctx); err != nil {
		b.log.log.Error("cleaning topics", "error", err) // they are as they were
	} else if err := writeFile(filepath.Join(c.DataDir, cleaned), nil); err != nil {
		return errors.Join(fmt.Errorf("embedded broker: clean: %w", err), b.Close())
	}
	return b.Close()
}

// Clean compacts the topics whose cleanup.policy says so and applies retention
// where a topic sets it, and returns when that is done. Clients wait meanwhile;
// transactions should have been used by none, see tidyFirst.
// A kill at any moment of it loses no record: the next start puts the segments
// back as they were.
func (b *Broker) Clean(ctx context.Context) error {
	b.cleanMu.Lock()
	defer b.cleanMu.Unlock()
	if b.dir == "" {
		b.cluster.Compact()
		return nil
	}
	done := make(chan error, 1)
	var once sync.Once
	// A control function holds every other request back while it runs, so no
	// record can arrive between the links and the rewritten segments.
	b.cluster.ControlKey(int16(kmsg.ApiVersions), func(kmsg.Request) (kmsg.Response, error, bool) {
		once.Do(func() { done <- b.cleanHeld() })
		b.cluster.DropControl()
		return nil, nil, false
	})
	if err := knock(ctx, b.addr); err != nil {
		return fmt.Errorf("embedded broker: clean: %w", err)
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// knock sends the smallest request there is, ApiVersions version 0.
func knock(ctx context.Context, addr string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	request := []byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff} // length, key, version, correlation, no client id
	if _, err := conn.Write(request); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 4))
	return err
}

// cleanHeld cleans while no client is served.
func (b *Broker) cleanHeld() error {
	topics, err := readTopics(b.dir)
	if err != nil {
		return fmt.Errorf("embedded broker: clean: %w", err)
	}
	if err := b.saveEnds(topics); err != nil {
		return fmt.Errorf("embedded broker: clean: %w", err)
	}
	bytes, err := linkSegments(b.dir, topics)
	if err != nil {
		return errors.Join(fmt.Errorf("embedded broker: clean: %w", err), dropUndo(b.dir))
	}
	if err := roomFor(b.dir, bytes); err != nil {
		return errors.Join(err, dropUndo(b.dir))
	}
	if err := writeFile(filepath.Join(b.dir, undoReady), nil); err != nil {
		return errors.Join(fmt.Errorf("embedded broker: clean: %w", err), dropUndo(b.dir))
	}
	b.cluster.Compact()
	return dropUndo(b.dir)
}

// roomFor refuses to rewrite segments that might not fit a second time: kfake
// goes on after a failed write and would drop the rest.
func roomFor(dir string, bytes int64) error {
	free, err := freeIn(dir)
	if err != nil {
		return fmt.Errorf("embedded broker: clean: %w", err)
	}
	if free < bytes+bytes/2 {
		return fmt.Errorf("embedded broker: clean: %d bytes free in %s, compaction may need %d", free, dir, bytes+bytes/2)
	}
	return nil
}

// freeIn is how many bytes a folder's disk has left for us.
func freeIn(dir string) (int64, error) {
	var fs unix.Statfs_t
	err := unix.Statfs(dir, &fs)
	return int64(fs.Bavail) * fs.Bsize, err
}

// Free is how many bytes the broker's disk has left.
func (b *Broker) Free() (int64, error) { return freeIn(b.dir) }

// storedTopic is what kfake keeps of a topic in topics.json.
type storedTopic struct {
	Name       string            `json:"name"`
	ID         string            `json:"id"`
	Partitions int32             `json:"partitions"`
	Configs    map[string]string `json:"configs"`
}

func (t storedTopic) compacted() bool {
	return strings.Contains(t.Configs["cleanup.policy"], "compact")
}

func (t storedTopic) retained() bool {
	_, byTime := t.Configs["retention.ms"]
	_, bySize := t.Configs["retention.bytes"]
	return byTime || bySize
}

// readTopics reads what kfake writes at each change of a topic.
func readTopics(dir string) ([]storedTopic, error) {
	var stored struct {
		Topics []storedTopic `json:"topics"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "topics.json"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &stored)
	}
	return stored.Topics, err
}
