package embedded

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// partitionDir is where kfake keeps a partition's segments.
func partitionDir(dir, topic string, partition int32) string {
	return filepath.Join(dir, "partitions", fmt.Sprintf("%s-%d", url.PathEscape(topic), partition))
}

// isSegment reports whether a file name is a segment or its index.
func isSegment(name string) bool {
	return strings.HasSuffix(name, ".dat") || strings.HasSuffix(name, ".idx")
}

// linkSegments gives every segment of compacted topics a second name under
// undoDir and returns the bytes they hold. A link costs no copy and keeps the
// file when kfake removes it.
func linkSegments(dir string, topics []storedTopic) (int64, error) {
	if err := dropUndo(dir); err != nil {
		return 0, err
	}
	var bytes int64
	for _, t := range topics {
		if !t.compacted() {
			continue
		}
		for p := range t.Partitions {
			from := partitionDir(dir, t.Name, p)
			n, err := linkPartition(from, filepath.Join(dir, undoDir, filepath.Base(from)))
			if err != nil {
				return 0, err
			}
			bytes += n
		}
	}
	return bytes, nil
}

func linkPartition(from, to string) (bytes int64, err error) {
	entries, err := os.ReadDir(from)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return 0, err
	}
	for _, e := range entries {
		if !isSegment(e.Name()) {
			continue
		}
		if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return 0, err
		}
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		bytes += info.Size()
	}
	return bytes, nil
}

// dropUndo forgets the second names; first the mark that makes them count.
func dropUndo(dir string) error {
	if err := os.Remove(filepath.Join(dir, undoReady)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.RemoveAll(filepath.Join(dir, undoDir))
}

// undoClean puts the segments back that an interrupted clean-up was rewriting.
// No record was accepted after they were linked, so nothing newer is lost.
func undoClean(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, undoReady)); os.IsNotExist(err) {
		return dropUndo(dir)
	} else if err != nil {
		return err
	}
	kept, err := os.ReadDir(filepath.Join(dir, undoDir))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, k := range kept {
		if err := putBack(filepath.Join(dir, undoDir, k.Name()), filepath.Join(dir, "partitions", k.Name())); err != nil {
			return err
		}
	}
	return dropUndo(dir)
}

// putBack can be repeated: it removes what the clean-up left and links anew.
func putBack(from, to string) error {
	left, err := os.ReadDir(to)
	if err != nil {
		return err
	}
	for _, e := range left {
		if isSegment(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(to, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	_, err = linkPartition(from, to)
	return err
}
