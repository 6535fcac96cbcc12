package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"payerflow/internal/rowlog"
)

// state is the worker's local copy of tables: one row log for each table in
// the data directory. It is a cache of the changelogs: any part of it may be
// wiped and restored.
type state struct {
	dir  string
	lock *claim
	mu   sync.Mutex
	logs map[string]*rowlog.Log // by table name
	from map[string]string      // incarnations of the tables
	open map[tablePartition]*store
}

type tablePartition struct {
	table     string
	partition int32
}

func openState(dir string) *state {
	return &state{dir: filepath.Join(dir, "tables"), logs: map[string]*rowlog.Log{}, from: map[string]string{}, open: map[tablePartition]*store{}}
}

func (s *state) close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.logs {
		err = errors.Join(err, l.Close())
	}
	return errors.Join(err, s.lock.release())
}

const originFile = "origin"

// table opens the row log of a table. What was filled from another topic, in
// another format, or does not read is wiped; the reason says so.
func (s *state) table(name, origin string, o rowlog.Options) (log *rowlog.Log, wiped string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir := filepath.Join(s.dir, name)
	have, err := os.ReadFile(filepath.Join(dir, originFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, "", fmt.Errorf("local rows: %w", err)
	case string(have) != origin:
		wiped = "it came from another topic, cluster or version"
	case s.logs[name] != nil:
		return s.logs[name], "", nil
	}
	if wiped == "" {
		log, err = rowlog.Open(dir, o)
		if errors.Is(err, rowlog.ErrCorrupt) {
			wiped, err = "it is corrupt", nil
		}
		if err != nil {
			return nil, "", fmt.Errorf("local rows: %w", err)
		}
	}
	if wiped != "" {
		if log, err = s.wipe(name, dir, o); err != nil {
			return nil, "", err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, originFile), []byte(origin), 0o600); err != nil {
		return nil, "", errors.Join(fmt.Errorf("local rows: %w", err), log.Close())
	}
	s.logs[name], s.from[name] = log, incarnation(origin)
	return log, wiped, nil
}

func (s *state) wipe(name, dir string, o rowlog.Options) (*rowlog.Log, error) {
	if l := s.logs[name]; l != nil {
		delete(s.logs, name)
		_ = l.Close() // what it holds goes away
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("local rows: %w", err)
	}
	log, err := rowlog.Open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("local rows: %w", err)
	}
	return log, nil
}

// condemn closes a table whose log does not read, so that the next run wipes it.
func (s *state) condemn(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.logs[name]; l != nil {
		delete(s.logs, name)
		_ = l.Close() // what it holds is worth nothing
		_ = os.WriteFile(filepath.Join(s.dir, name, originFile), []byte("condemned"), 0o600)
	}
}

// copy is what is here of a table, and its incarnation; nil: nothing.
func (s *state) copy(table string) (log *rowlog.Log, incarnation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs[table], s.from[table]
}

func (s *state) opened(table string, partition int32) *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[tablePartition{table, partition}]
}
