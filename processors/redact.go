package processors

import (
	"errors"

	"payerflow/events"
	"payerflow/tables"
)

// Mask is what a reader may see of an event type. This one withholds
// everything.
type Mask struct{ id string }

var errWithheld = errors.New("the event is withheld")

// NewMask compiles what the classes let see of a type.
func NewMask(t tables.EventType, _ map[string]bool, _ []byte) *Mask { return &Mask{t.Name} }

// ID names the mask: equal ids give equal output for equal input.
func (m *Mask) ID() string { return m.id }

// Envelope is the redacted copy of an event.
func (m *Mask) Envelope(events.Envelope) (events.Envelope, error) {
	return events.Envelope{}, errWithheld
}

// Body is the redacted body.
func (m *Mask) Body([]byte) ([]byte, error) { return nil, errWithheld }

// Schema is the redacted JSON Schema of the type.
func (m *Mask) Schema() (string, error) { return "", errWithheld }
