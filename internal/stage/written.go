package stage

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"payerflow/api/audit"
	"payerflow/events"
)

// AuditLog writes to the broker and keeps what it wrote.
type AuditLog struct {
	to      audit.Log
	mu      sync.Mutex
	records []events.AuditReceived
	err     error
}

// Write is refused after Fail.
func (l *AuditLog) Write(ctx context.Context, e events.AuditReceived) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	err := l.to.Write(ctx, e)
	if err == nil {
		l.records = append(l.records, e)
	}
	return err
}

// Fail refuses each record with an error; nil takes them again.
func (l *AuditLog) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// Written are the records since they were last taken.
func (l *AuditLog) Written() []events.AuditReceived {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// Taken are the records since it was last asked.
func (l *AuditLog) Taken() []events.AuditReceived {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.records
	l.records = nil
	return out
}

// Log is a text that many write.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is what was written until now.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
