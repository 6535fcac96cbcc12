package codecs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"payerflow/internal/topology"
)

// RegistryStatus is what a registry says of itself besides its schemas.
type RegistryStatus struct {
	Mode string    // READWRITE, READONLY, ...; "" where it does not tell
	Date time.Time // its clock, to the second; zero where it does not tell
}

// Status asks for the mode. Errors do not repeat the address, which may hold
// a password.
func (r *Registry) Status(ctx context.Context) (s RegistryStatus, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/mode", nil)
	if err != nil {
		return s, fmt.Errorf("schema registry: %w", topology.ErrUnavailable)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return s, fmt.Errorf("schema registry: %w", topology.ErrUnavailable)
	}
	defer resp.Body.Close()
	s.Date, _ = http.ParseTime(resp.Header.Get("Date"))
	var body struct {
		Mode string `json:"mode"`
	}
	if resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&body) == nil {
		s.Mode = body.Mode
	}
	return s, nil
}

// CompatibilityOf is the level in force for a subject: its own, or the
// registry's.
func (r *Registry) CompatibilityOf(subject string) (string, error) {
	level, err := r.client.GetCompatibilityLevel(subject, true)
	if notFound(err) { // some registries know no level of a subject that is not there yet
		level, err = r.client.GetGlobalCompatibilityLevel()
	}
	if err != nil {
		return "", fmt.Errorf("compatibility of %s: %w", subject, topology.ErrUnavailable)
	}
	return level.String(), nil
}
