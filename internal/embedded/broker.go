package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
)

// DefaultCleanEvery is the least time between two clean-ups of topics
// (compaction and retention) when [BrokerConfig.CleanEvery] is zero.
const DefaultCleanEvery = time.Hour

// BrokerConfig says where a broker listens and where it keeps its data.
type BrokerConfig struct {
	// Addr is host:port; port 0 takes any free port. A wildcard host needs
	// Advertise, because clients are told to come back to this address.
	Addr string
	// Advertise is the host:port that clients are told; "" tells them Addr.
	// Port 0 stands for the port that was taken.
	Advertise string
	// DataDir keeps topics, records, group offsets and producer ids; "" keeps
	// them in memory only. One process at a time may use a directory.
	DataDir string
	// CleanEvery is the least time between two clean-ups, which happen when
	// a broker with a data directory starts; 0 means [DefaultCleanEvery],
	// negative means never.
	CleanEvery time.Duration
	// Superuser may do everything; whoever else says who they are may do what
	// access rules allow, and nobody else is let in. The zero value asks nobody.
	Superuser Login
	// Logger receives the broker's warnings and errors; nil drops them.
	Logger *slog.Logger
}

// PortTakenError says that another process (or this one) listens on Addr.
type PortTakenError struct {
	Name string // what wanted the port: "broker" or "registry"
	Addr string // host:port as configured
	err  error
}

func (e *PortTakenError) Error() string {
	return fmt.Sprintf("%s address %s is taken by another process", e.Name, e.Addr)
}

func (e *PortTakenError) Unwrap() error { return e.err }

// Broker is a running one-node Kafka broker.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	dir     string
	lock    *dirLock
	log     *brokerLog

	cleanMu sync.Mutex
	once    sync.Once
	err     error
}

// StartBroker listens on cfg.Addr, loads what cfg.DataDir holds and answers
// Kafka clients until Close. ctx bounds the start only.
//
// With a data directory a produce request is answered after fsync. Topics are
// never created by naming them. Records are removed only where a topic sets
// cleanup.policy, retention.ms or retention.bytes itself.
//
// The error wraps [*PortTakenError] when the address is in use and
// [*DataDirInUseError] when another process holds the directory.
func StartBroker(ctx context.Context, cfg BrokerConfig) (*Broker, error) {
	if cfg.due() || cfg.forgetful() {
		if err := tidyFirst(ctx, cfg); err != nil {
			return nil, err
		}
	}
	return start(ctx, cfg)
}

func start(ctx context.Context, cfg BrokerConfig) (*Broker, error) {
	advertise, err := advertised(cfg)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	b := &Broker{dir: cfg.DataDir, log: newBrokerLog(cfg.Logger)}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("payerflow-" + uuid.NewString()), // a data directory that has one keeps its own
		kfake.WithLogger(b.log),
		kfake.BrokerConfigs(map[string]string{
			// kfake applies retention to compacted topics too, seven days
			// unless told otherwise: no default may ever delete a table.
			"log.retention.ms": "-1",
			// kfake rewrites segments in place when it compacts; only clean,
			// which can be undone after a kill, may start that.
			"log.cleaner.backoff.ms": strconv.FormatInt(never.Milliseconds(), 10),
		}),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			ln, err := listen(ctx, network, cfg.Addr, "broker")
			if err != nil {
				return nil, err
			}
			b.addr = ln.Addr().String()
			return advertisedListener{ln, advertise(ln)}, nil
		}),
	}
	if b.dir != "" {
		if b.lock, err = lockDir(b.dir); err != nil {
			return nil, err
		}
		if err := repair(b.dir, b.log); err != nil {
			return nil, errors.Join(fmt.Errorf("embedded broker: repairing %s: %w", b.dir, err), b.lock.release())
		}
		if err := cfg.Superuser.keep(b.dir); err != nil {
			return nil, errors.Join(fmt.Errorf("embedded broker: superuser: %w", err), b.lock.release())
		}
		opts = append(opts, kfake.DataDir(b.dir), kfake.SyncWrites())
	}
	opts = append(opts, cfg.Superuser.asked()...)
	if b.cluster, err = kfake.NewCluster(opts...); err != nil {
		err = fmt.Errorf("embedded broker: %w", err)
		return nil, errors.Join(err, b.lock.release())
	}
	answerWhole(b.cluster)
	if err := b.opened(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// never is the longest interval that kfake's milliseconds can carry.
const never = 100 * 365 * 24 * time.Hour

// Addr is the host:port the broker listens on, with the port it was given.
func (b *Broker) Addr() string { return b.addr }

// Close stops listening, writes what a fast start needs and frees the data
// directory. Records that were acknowledged are safe whether or not it runs.
// The error says what could not be written. A second Close returns the same.
func (b *Broker) Close() error {
	b.once.Do(func() {
		b.log.watch()
		b.cluster.Close()
		b.err = b.log.seen()
		if b.dir != "" && b.err == nil {
			b.err = markClean(b.dir)
		}
		b.err = errors.Join(b.err, b.lock.release())
	})
	return b.err
}

// advertised returns what clients are told, once the listener is known.
func advertised(cfg BrokerConfig) (func(net.Listener) string, error) {
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: address %q is not host:port: %w", cfg.Addr, err)
	}
	if cfg.Advertise == "" {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			return nil, fmt.Errorf("embedded broker: address %q is a wildcard: say what to advertise to clients", cfg.Addr)
		}
		return func(ln net.Listener) string { return ln.Addr().String() }, nil
	}
	name, port, err := net.SplitHostPort(cfg.Advertise)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: advertised address %q is not host:port: %w", cfg.Advertise, err)
	}
	return func(ln net.Listener) string {
		if port != "0" {
			return cfg.Advertise
		}
		_, taken, _ := net.SplitHostPort(ln.Addr().String())
		return net.JoinHostPort(name, taken)
	}, nil
}

// listen is net.Listen with the one error an operator meets most made typed.
func listen(ctx context.Context, network, addr, name string) (net.Listener, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, network, addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &PortTakenError{Name: name, Addr: addr, err: err}
	}
	return ln, err
}

// advertisedListener makes kfake tell clients another address than it hears on.
type advertisedListener struct {
	net.Listener
	told string
}

func (l advertisedListener) Addr() net.Addr { return toldAddr(l.told) }

type toldAddr string

func (toldAddr) Network() string  { return "tcp" }
func (a toldAddr) String() string { return string(a) }
