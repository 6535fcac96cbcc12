package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// RegistryConfig says where a registry listens and which broker keeps its journal.
type RegistryConfig struct {
	Addr    string       // host:port; port 0 takes any free port
	Brokers []string     // host:port of Kafka brokers
	Client  []kgo.Opt    // who we are to them
	Writer  Login        // who may change anything, by basic authentication; the zero value lets everybody. All may read
	Logger  *slog.Logger // nil drops; never sees a schema or a request body
}

// Registry serves the Confluent Schema Registry REST API, for Avro without
// references. Every change is in the journal, on all in-sync replicas, before
// it is answered or can be read. One registry at a time may write a journal;
// one that notices another refuses the write and reads the journal again.
type Registry struct {
	log    *slog.Logger
	writer Login
	url    string
	server *http.Server
	served chan struct{}

	writing sync.Mutex // held from decision to application; guards the next two
	journal *journal
	stale   bool // the journal may hold more than the state

	reading sync.RWMutex // guards state
	state   *state
}

// StartRegistry reads the journal, creating its topic if missing, and serves
// until Close. ctx bounds the start only. The error wraps [*PortTakenError]
// when the address is in use.
func StartRegistry(ctx context.Context, cfg RegistryConfig) (*Registry, error) {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	r := &Registry{log: log.With("component", "embedded-registry"), writer: cfg.Writer, served: make(chan struct{})}
	ln, err := listen(ctx, "tcp", cfg.Addr, "registry")
	if err != nil {
		return nil, fmt.Errorf("embedded registry: %w", err)
	}
	if r.journal, err = openJournal(ctx, cfg.Brokers, cfg.Client, r.log); err == nil {
		r.state, err = r.journal.load(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded registry: %w", err), ln.Close())
	}
	r.serve(ln)
	return r, nil
}

func (r *Registry) serve(ln net.Listener) {
	r.url = "http://" + ln.Addr().String()
	r.server = &http.Server{
		Handler:           r.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(r.served)
		if err := r.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			r.log.Error("serving stopped", "error", err)
		}
	}()
	r.log.Info("registry serves", "url", r.url)
}

// URL is the base of the REST API, without a slash at its end.
func (r *Registry) URL() string { return r.url }

// Close waits up to two seconds for requests under way, cuts those that are
// not done, and frees the port. A connection on which nobody has asked anything
// yet counts as one: clients open some that they do not use.
func (r *Registry) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := r.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = r.server.Close()
	}
	<-r.served
	r.writing.Lock()
	defer r.writing.Unlock()
	r.journal.close()
	r.stale = true
	return err
}

// read calls f with a state that does not change meanwhile.
func (r *Registry) read(f func(*state)) {
	r.reading.RLock()
	defer r.reading.RUnlock()
	f(r.state)
}

// write journals what decide asks for and then applies it; requests take turns.
// decide's error is answered as it is. If the journal fails nothing is applied,
// and the next write reads it again, because records may be in it all the same.
func (r *Registry) write(ctx context.Context, decide func(*state) ([]journalRecord, error)) error {
	ctx = context.WithoutCancel(ctx) // a client that hangs up must not leave the outcome open
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.stale {
		if err := r.reload(ctx); err != nil {
			r.log.Error("reading the journal again", "topic", JournalTopic, "error", err)
			return errStore()
		}
	}
	records, err := decide(r.state)
	if err != nil || len(records) == 0 {
		return err
	}
	applied, err := asReplayed(records)
	if err != nil {
		return errStore()
	}
	if err := r.journal.append(ctx, records); err != nil {
		r.stale = true
		r.log.Error("writing the journal", "topic", JournalTopic, "error", err)
		if errors.Is(err, kerr.MessageTooLarge) {
			return errInvalidSchema("larger than the journal takes")
		}
		return errStore()
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	for _, record := range applied {
		r.state.apply(record)
	}
	return nil
}

func (r *Registry) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*journalTimeout)
	defer cancel()
	fresh, err := r.journal.load(ctx)
	if err != nil {
		return err
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	r.state, r.stale = fresh, false
	return nil
}

// asReplayed gives records as a reader of the journal will see them, so that
// memory cannot differ from what a restart finds.
func asReplayed(records []journalRecord) ([]journalRecord, error) {
	out := make([]journalRecord, len(records))
	for i, r := range records {
		key, value, err := r.encode()
		if err != nil {
			return nil, err
		}
		if out[i], err = decodeRecord(key, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}
