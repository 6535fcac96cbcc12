package codecs

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/riferrei/srclient"

	"payerflow/internal/topology"
)

// Registry asks a schema registry over Confluent's REST API. Answers are
// cached: an id never changes its meaning.
type Registry struct {
	client *srclient.SchemaRegistryClient
	url    string
	http   *http.Client
}

// OpenRegistry makes a client; it does not connect. URL may hold a base path.
func OpenRegistry(url string) *Registry {
	h := &http.Client{Timeout: 5 * time.Second}
	c := srclient.NewSchemaRegistryClient(url, srclient.WithClient(h))
	c.CodecCreationEnabled(false)
	return &Registry{client: c, url: url, http: h}
}

// ErrNotRegistered says that a subject does not hold the schema that this
// build writes.
var ErrNotRegistered = errors.New("schema is not registered; run: payerflow schemas register")

// ID returns the id of a schema under a subject.
func (r *Registry) ID(subject, schema string) (int, error) {
	s, err := r.client.LookupSchema(subject, schema, srclient.Avro)
	switch {
	case err == nil:
		return s.ID(), nil
	case notFound(err):
		return 0, fmt.Errorf("%s: %w", subject, ErrNotRegistered)
	default:
		return 0, fmt.Errorf("%s: schema registry: %w", subject, topology.ErrUnavailable)
	}
}

// Schema returns the schema of an id.
func (r *Registry) Schema(id int) (string, error) {
	s, err := r.client.GetSchema(id)
	switch {
	case err == nil:
		return s.Schema(), nil
	case notFound(err):
		return "", fmt.Errorf("schema %d is unknown to the registry", id)
	default:
		return "", fmt.Errorf("schema %d: schema registry: %w", id, topology.ErrUnavailable)
	}
}

func notFound(err error) bool {
	var e srclient.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code == http.StatusNotFound || e.Code/100 == http.StatusNotFound
}

// Ping asks whether the registry answers.
func (r *Registry) Ping() error {
	_, err := r.client.GetSubjects()
	if err != nil {
		return fmt.Errorf("schema registry: %w", topology.ErrUnavailable)
	}
	return nil
}

// Subjects lists all subjects.
func (r *Registry) Subjects() ([]string, error) { return r.client.GetSubjects() }

// Compatibility is the registry's global level, for example BACKWARD.
func (r *Registry) Compatibility() (string, error) {
	level, err := r.client.GetGlobalCompatibilityLevel()
	if err != nil {
		return "", err
	}
	return level.String(), nil
}

// Versions returns all versions of a subject, oldest first; none where the
// registry does not know the subject.
func (r *Registry) Versions(subject string) ([]string, error) {
	numbers, err := r.client.GetSchemaVersions(subject)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("versions of %s: %w", subject, err)
	}
	var texts []string
	for _, n := range numbers {
		s, err := r.client.GetSchemaByVersion(subject, n)
		if err != nil {
			return nil, fmt.Errorf("version %d of %s: %w", n, subject, err)
		}
		texts = append(texts, s.Schema())
	}
	return texts, nil
}

// Register puts a schema under a subject and returns its id. The registry
// refuses what breaks its own compatibility level.
func (r *Registry) Register(subject, schema string) (int, error) {
	s, err := r.client.CreateSchema(subject, schema, srclient.Avro)
	if err != nil {
		return 0, fmt.Errorf("register %s: %w", subject, err)
	}
	return s.ID(), nil
}

// Memory is a registry in memory, for the in-memory driver: every schema that
// is asked for is registered.
type Memory struct {
	mu    sync.Mutex
	texts []string
}

// ID returns the id of a schema, giving it one if it is new.
func (m *Memory) ID(_, schema string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, t := range m.texts {
		if t == schema {
			return i + 1, nil
		}
	}
	m.texts = append(m.texts, schema)
	return len(m.texts), nil
}

// Schema returns the schema of an id.
func (m *Memory) Schema(id int) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if id < 1 || id > len(m.texts) {
		return "", fmt.Errorf("schema %d is unknown", id)
	}
	return m.texts[id-1], nil
}
