package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// brokerLog passes kfake's warnings and errors on. kfake reports a failed save
// at shutdown only here, so it also remembers errors once told to watch.
type brokerLog struct {
	log *slog.Logger

	mu       sync.Mutex
	watching bool
	errs     []error
}

func newBrokerLog(log *slog.Logger) *brokerLog {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &brokerLog{log: log.With("component", "embedded-broker")}
}

// Logf is called from kfake's goroutines.
func (l *brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	to := slog.LevelWarn
	switch {
	case level == kfake.LogLevelNone || level > kfake.LogLevelWarn:
		return
	case strings.HasPrefix(format, "txn: EndTxn slow"):
		return // above 5 ms, which is every transaction that waits for fsync
	case level == kfake.LogLevelError:
		to = slog.LevelError
	}
	text := fmt.Sprintf(format, args...)
	l.log.Log(context.Background(), to, text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watching && level == kfake.LogLevelError {
		l.errs = append(l.errs, errors.New(text))
	}
}

func (l *brokerLog) watch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watching = true
}

// seen returns the errors since watch, joined.
func (l *brokerLog) seen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}
