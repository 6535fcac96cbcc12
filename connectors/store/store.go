package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"payerflow/internal/topology"
)

// Errors of the store. Where it is away they wrap [topology.ErrUnavailable].
var (
	ErrNotHeld = errors.New("the store does not hold it")
	errID      = errors.New("an id in the store is topic/incarnation/partition/offset")
)

// database is the one that is used where the address names none.
const database = "payerflow"

const (
	recordsName      = "records"
	partsName        = "parts"
	blocksName       = "blocks"
	hoursName        = "hours"
	incarnationsName = "incarnations"
	holdsName        = "holds"
	sweptName        = "swept"
	listsPrefix      = "lists-" // and the month, as 2026-11
	blockLists       = "blocks-lists"
)

const (
	askTimeout = 10 * time.Second
	// knownLists is how many lists' ends are remembered.
	knownLists = 100_000
)

// Store is a connection to an event store. It is for any number of goroutines.
type Store struct {
	client *mongo.Client
	db     *mongo.Database

	mu     sync.Mutex
	listed *bool           // the server finds by _id alone; nil: not known yet
	seen   map[string]bool // blocks and hours that are written down
	ends   *lru.Cache[string, int]
}

// Open makes a connection that is used when something is asked. An address
// without a database means payerflow.
func Open(uri string) (*Store, error) {
	o := options.Client().ApplyURI(uri).SetAppName("payerflow").SetServerSelectionTimeout(askTimeout).SetTimeout(time.Minute)
	if err := o.Validate(); err != nil {
		return nil, errors.New("the address of the event store is no mongodb:// address") // err may repeat a password
	}
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, errors.New("the address of the event store cannot be used")
	}
	ends, err := lru.New[string, int](knownLists)
	if err != nil {
		return nil, err
	}
	return &Store{client: client, db: client.Database(databaseOf(uri)), seen: map[string]bool{}, ends: ends}, nil
}

func databaseOf(uri string) string {
	if u, err := url.Parse(uri); err == nil {
		if name := strings.Trim(u.Path, "/"); name != "" {
			return name
		}
	}
	return database
}

// Close ends the connection.
func (s *Store) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	_ = s.client.Disconnect(ctx) // what it had open is gone either way
}

// Ready asks the server, and makes its indexes once.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.lists(ctx)
	return err
}

// lists says whether lists stand for indexes on this server. The first answer
// holds.
func (s *Store) lists(ctx context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listed != nil {
		return *s.listed, nil
	}
	var info struct {
		FerretDB any `bson:"ferretdbFeatures"`
	}
	if err := s.client.Database("admin").RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&info); err != nil {
		return false, away(err)
	}
	listed := info.FerretDB != nil
	if !listed {
		if err := s.makeIndexes(ctx); err != nil {
			return false, err
		}
	}
	s.listed = &listed
	return listed, nil
}

// makeIndexes makes those of a server that uses them.
func (s *Store) makeIndexes(ctx context.Context) error {
	var models []mongo.IndexModel
	for _, fields := range [][]string{
		{fieldEvent, fieldTime, fieldID}, {fieldSubject, fieldTime, fieldID}, {fieldTransaction, fieldTime, fieldID}, {fieldTime, fieldID},
		{fieldType, fieldTime, fieldID}, {fieldTags, fieldTime, fieldID}, {fieldSource, fieldTime, fieldID}, {fieldTopic, fieldIncarnation, fieldPartition, fieldOffset},
	} {
		var keys bson.D
		for _, f := range fields {
			keys = append(keys, bson.E{Key: f, Value: 1})
		}
		models = append(models, mongo.IndexModel{Keys: keys})
	}
	_, err := s.db.Collection(recordsName).Indexes().CreateMany(ctx, models)
	return away(err)
}

// away is an error of the server, without what it repeats of documents.
func away(err error) error {
	var command mongo.CommandError
	var bulk mongo.BulkWriteException
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &command):
		return fmt.Errorf("event store: %w: it refuses (%d %s)", topology.ErrUnavailable, command.Code, command.Name)
	case errors.As(err, &bulk):
		code := 0
		if len(bulk.WriteErrors) > 0 {
			code = bulk.WriteErrors[0].Code
		}
		return fmt.Errorf("event store: %w: it refuses %d of a batch (%d)", topology.ErrUnavailable, len(bulk.WriteErrors), code)
	case mongo.IsTimeout(err), mongo.IsNetworkError(err):
		return fmt.Errorf("event store: %w: it does not answer in time", topology.ErrUnavailable)
	}
	return fmt.Errorf("event store: %w", topology.ErrUnavailable)
}
