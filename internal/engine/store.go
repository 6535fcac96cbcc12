package engine

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka/storage"

	"payerflow/internal/rowlog"
)

// store is one partition of one table, as goka wants to see it: goka restores
// it from the changelog, and keeps joined and looked-up tables up to date
// through it. Rows of the group's own table are written by rows.store, after
// the transaction that they belong to.
type store struct {
	s         *state
	at        tablePartition
	log       *rowlog.Log
	mu        sync.Mutex
	batch     rowlog.Batch
	offset    int64 // of what is written and what is in the batch, -1: none
	recovered atomic.Bool
	waiting   atomic.Int64 // rows with a deadline
	first     atomic.Int64 // the first of these, unix microseconds
	standby   bool         // of a partition that another worker folds
	end       int64        // of the changelog when a standby was opened
}

const (
	// recoveryBytes bounds what recovery keeps in memory for one partition.
	recoveryBytes = 4 << 20
	// staleAfter is half of Kafka's default delete.retention.ms: a copy that
	// has not followed its changelog for longer may have missed deletions.
	staleAfter = 12 * time.Hour
)

func (s *state) openStore(at tablePartition, log *rowlog.Log, standby bool) (*store, error) {
	st := &store{s: s, at: at, log: log, standby: standby}
	offset, when := log.Offset(at.partition)
	if log.Rows(at.partition) > 0 && (offset < 0 || time.Since(when) > staleAfter) {
		st.batch.Wipe(at.partition)
		if err := log.Commit(&st.batch, nil); err != nil {
			return nil, err
		}
		st.batch.Reset()
		offset = -1
	}
	st.offset = offset
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[at] = st
	return st, nil
}

// Open, Close, Get, Has, Set, Delete, GetOffset, SetOffset, MarkRecovered and
// the iterators are goka's storage.Storage.
func (st *store) Open() error { return nil }

// Close writes what recovery has gathered.
func (st *store) Close() error {
	st.s.mu.Lock()
	if st.s.open[st.at] == st {
		delete(st.s.open, st.at)
	}
	st.s.mu.Unlock()
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.flush()
}

func (st *store) Has(key string) (bool, error) {
	v, err := st.Get(key)
	return v != nil, err
}

// Get returns the committed row.
func (st *store) Get(key string) ([]byte, error) {
	v, _, err := st.log.Get(st.at.partition, key)
	return v, err
}

func (st *store) Set(key string, v []byte) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.batch.Put(st.at.partition, key, v, 0)
	return st.flushIf()
}

func (st *store) Delete(key string) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.batch.Delete(st.at.partition, key)
	return st.flushIf()
}

// flushIf writes a recovered copy's row at once, for joins read it. The offset
// is still that of the record before: a crash makes this one come again. mu is
// held.
func (st *store) flushIf() error {
	if st.recovered.Load() && !st.standby {
		return st.flush()
	}
	return nil
}

func (st *store) flush() error {
	if st.batch.Len() == 0 {
		return nil
	}
	if st.offset >= 0 {
		st.batch.SetOffset(st.at.partition, st.offset, time.Now())
	}
	err := st.log.Commit(&st.batch, nil)
	st.batch.Reset()
	return err
}

func (st *store) GetOffset(absent int64) (int64, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.offset < 0 {
		return absent, nil
	}
	return st.offset, nil
}

func (st *store) SetOffset(o int64) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.offset = o
	if st.standby && st.recovered.Load() || st.batch.Len() > recoveryBytes {
		return st.flush() // with its offset: others read what is here
	}
	return st.arrive()
}

// MarkRecovered ends the recovery: what was gathered is written. A standby sees
// that for itself.
func (st *store) MarkRecovered() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.standby {
		return nil
	}
	st.recovered.Store(true)
	return st.flush()
}

// Iterator is not used: nothing in the vocabulary visits whole tables.
func (st *store) Iterator() (storage.Iterator, error) { return nil, errors.ErrUnsupported }

// IteratorWithRange is not used either.
func (st *store) IteratorWithRange(_, _ []byte) (storage.Iterator, error) {
	return nil, errors.ErrUnsupported
}
