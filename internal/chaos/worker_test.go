//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sys/unix"

	"payerflow/codecs"
	"payerflow/internal/embedded"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
)

// Arguments that make the test binary a worker or a broker. Both end when
// their standard input does, which is when the test does.
const (
	workerArg = "chaos-worker"
	brokerArg = "chaos-broker"
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == workerArg:
		err = runWorker(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == brokerArg:
		err = runBroker(os.Args[2])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func withParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(3)
}

// runBroker does not compact: kfake forgets the markers of aborted transactions
// when it does, and counts undecided records. docs/chaos.md says more.
func runBroker(dir string) error {
	b, err := embedded.StartBroker(context.Background(), embedded.BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir, CleanEvery: -1,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, b.Addr())
	withParent()
	return nil
}

// order is what a worker is told.
type order struct {
	Brokers         []string
	Dir             string
	Outside         string // url of the receiver
	DieBeforeCommit int64
	StoreFirst      bool
	CommitFirst     bool
	HideMarkers     bool
	NoStandby       bool
	RebalanceIn     time.Duration // 0: as the engine says
}

// What a worker says on its standard output, a line each time that it changes.
const (
	ready    = "ready"
	notReady = "not ready"
	dumped   = "dumped" // its rows are in its directory
)

const (
	rowsFile           = "rows.json"
	sessionTimeout     = 10 * time.Second
	transactionTimeout = 15 * time.Second
)

// runWorker runs until SIGTERM. SIGUSR1 has it kill itself between Kafka's
// next commit and its own; SIGUSR2 has it write the rows that it serves.
func runWorker(arg string) error {
	var o order
	if err := json.Unmarshal([]byte(arg), &o); err != nil {
		return err
	}
	go withParent()
	s := &engine.Sabotage
	s.StoreFirst, s.CommitFirst, s.HideMarkers = o.StoreFirst, o.CommitFirst, o.HideMarkers
	s.DieBeforeCommit.Store(o.DieBeforeCommit)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	var opts []kgo.Opt
	if o.RebalanceIn > 0 {
		opts = append(opts, kgo.RebalanceTimeout(o.RebalanceIn))
	}
	e, err := engine.Open(engine.Config{Client: opts, Brokers: o.Brokers, DataDir: o.Dir, Address: o.Dir, BatchRecords: 1000, BatchInterval: 20 * time.Millisecond,
		SessionTimeout: sessionTimeout, TransactionTimeout: transactionTimeout, Freshness: 2 * time.Second,
		Standby: !o.NoStandby, Effects: outside(o.Outside),
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}, groups, &codecs.Memory{})
	if err != nil {
		return err
	}
	go report(e, o.Dir)
	return errors.Join(e.Run(ctx), e.Close())
}

func report(e *engine.Engine, dir string) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGUSR1, unix.SIGUSR2)
	tick := time.NewTicker(50 * time.Millisecond)
	said, logged, followed := "", time.Now(), map[int32]int64{}
	for {
		select {
		case sig := <-signals:
			if sig == unix.SIGUSR1 {
				engine.Sabotage.DieBeforeStore.Store(1)
			} else if err := dump(e, dir); err != nil {
				fmt.Fprintln(os.Stderr, "dump:", err)
			} else {
				fmt.Fprintln(os.Stdout, dumped)
			}
		case <-tick.C:
			tellTakeOvers(e, followed)
			now, err := ready, e.Ready()
			if err != nil {
				now = notReady
				if time.Since(logged) > 5*time.Second {
					logged = time.Now()
					fmt.Fprintln(os.Stderr, "not ready:", err)
				}
			}
			if now != said {
				fmt.Fprintln(os.Stdout, now)
				said = now
			}
		}
	}
}

// tookOver begins a line in a worker's log: it folds a partition of the ledgers
// that it had followed until then.
const tookOver = "took over"

// tellTakeOvers keeps how far each partition's standby has followed the
// changelog, and tells when it is one no more.
func tellTakeOvers(e *engine.Engine, followed map[int32]int64) {
	for _, g := range e.Status().Groups {
		if g.Name != ledgers.Name || g.Table == nil {
			continue
		}
		for _, p := range g.Table.Partitions {
			switch to, had := followed[p.Partition]; {
			case !p.Restored:
			case p.Standby:
				followed[p.Partition] = p.Changelog
			case had:
				delete(followed, p.Partition)
				fmt.Fprintln(os.Stderr, tookOver, p.Partition, to, p.Changelog)
			}
		}
	}
}

// dump writes the ledgers that this worker serves.
func dump(e *engine.Engine, dir string) error {
	rows := map[string]map[string]int{}
	for from := (&topology.Place{}); from != nil; {
		page, err := e.List(ledgers.View.Name, *from, 500, false)
		if err != nil {
			return err
		}
		for _, r := range page.Rows {
			rows[r.Key] = r.Row.(ledger).IDs
		}
		from = page.Next
	}
	b, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, rowsFile), b, 0o600)
}
