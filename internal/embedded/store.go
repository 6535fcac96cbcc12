package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	_ "modernc.org/sqlite" // the driver that FerretDB uses too
)

// StoreConfig says where an event store keeps its data, and where it is reached.
type StoreConfig struct {
	// DataDir keeps everything; it is made, for this user alone. One process at
	// a time may use it.
	DataDir string
	// Addr is host:port, port 0 for any free one. "" listens on a socket in
	// DataDir alone, which nobody but this user reaches.
	Addr string
	// Logger is told what cannot be made faster; nil drops it.
	Logger *slog.Logger
}

// Store is a running server of MongoDB's protocol over SQLite.
type Store struct {
	server *ferretdb.FerretDB
	lock   *dirLock
	cancel context.CancelFunc
	wg     sync.WaitGroup
	dir    string
	socket string // a folder of its own for it; "": none
	once   sync.Once
	err    error
}

// StoreDatabase is the database whose collections are read fast.
const StoreDatabase = "payerflow"

const (
	// StoreSocket is what the socket in the data directory is called.
	StoreSocket = "store.sock"
	// socketBytes is how long the path of a socket may be.
	socketBytes = 100
	// indexEvery is how often collections without an index are looked for.
	indexEvery = 250 * time.Millisecond
	// pragmas make a write safe before it is answered.
	pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=auto_vacuum(none)"
)

// StartStore answers clients of MongoDB's protocol until Close. What was
// acknowledged survives a kill. The error wraps [*DataDirInUseError] when
// another process holds the directory.
func StartStore(ctx context.Context, cfg StoreConfig) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embedded store: %w", err)
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("embedded store: %w", err)
	}
	s := &Store{dir: dir}
	if s.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	listen := ferretdb.ListenerConfig{TCP: cfg.Addr}
	if cfg.Addr == "" {
		if listen.Unix, err = s.place(); err != nil {
			return nil, errors.Join(fmt.Errorf("embedded store: socket: %w", err), s.lock.release())
		}
	}
	quiet := slog.New(slog.DiscardHandler) // it would log documents
	at := url.URL{Scheme: "file", Opaque: (&url.URL{Path: dir + "/"}).EscapedPath()}
	if s.server, err = ferretdb.New(&ferretdb.Config{Listener: listen, Handler: "sqlite", SQLiteURL: at.String() + pragmas, Logger: quiet}); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded store: %w", err), s.unplace(), s.lock.release())
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	s.wg.Go(func() { _ = s.server.Run(run) }) // it returns nil
	s.wg.Go(func() { s.index(run, cfg.Logger) })
	return s, nil
}

// URI is where clients find it.
func (s *Store) URI() string { return s.server.MongoDBURI() }

// Close ends connections and frees the directory. Clients that have not gone
// are waited for, three seconds.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.cancel()
		s.wg.Wait()
		s.err = errors.Join(s.unplace(), s.lock.release())
	})
	return s.err
}

// place is where the socket may be: in the directory, or where its path would
// be too long for one, in a folder of its own.
func (s *Store) place() (string, error) {
	dir := s.dir
	if len(filepath.Join(dir, StoreSocket)) > socketBytes {
		made, err := os.MkdirTemp("", "payerflow") // 0700
		if err != nil {
			return "", err
		}
		s.socket, dir = made, made
	}
	path := filepath.Join(dir, StoreSocket)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return path, nil
}

func (s *Store) unplace() error {
	if s.socket == "" {
		return nil
	}
	return os.RemoveAll(s.socket)
}

// index gives each collection an index that the server's own queries by _id
// use: its unique one is over another expression, so that every one of them
// would read the whole collection.
func (s *Store) index(ctx context.Context, log *slog.Logger) {
	at := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.Join(s.dir, StoreDatabase+".sqlite")}).EscapedPath()}
	db, err := sql.Open("sqlite", at.String()+pragmas+"&mode=rw") // it is the server's to make
	if err == nil {
		defer db.Close()
	}
	for told := false; err == nil; {
		if failed := indexTables(ctx, db); failed != nil && ctx.Err() == nil && log != nil && !told && s.made() {
			told = true
			log.Warn("collections of the embedded store have no index yet", "error", failed)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(indexEvery):
		}
	}
}

func (s *Store) made() bool {
	_, err := os.Stat(filepath.Join(s.dir, StoreDatabase+".sqlite"))
	return err == nil
}

func indexTables(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT table_name FROM _ferretdb_collections
		WHERE NOT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = table_name || '_by_id')`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var todo []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		todo = append(todo, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range todo {
		if _, err := db.ExecContext(ctx, fmt.Sprintf(`CREATE INDEX IF NOT EXISTS "%[1]s_by_id" ON "%[1]s" (_ferretdb_sjson->'$._id')`, name)); err != nil {
			return err
		}
	}
	return nil
}
