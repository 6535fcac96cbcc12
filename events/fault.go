package events

// Fault is one thing that is wrong with an event: a reason code, the JSON
// pointer of the field, and a sentence that never repeats the value.
type Fault struct {
	ReasonCode string
	At         string // JSON pointer into the body
	Reason     string
}

func (f *Fault) Error() string { return f.Reason }

// Code returns the reason code, for example MISSING_FIELD.
func (f *Fault) Code() string { return f.ReasonCode }

// Pointer returns the JSON pointer of the field, for example /claimId.
func (f *Fault) Pointer() string { return f.At }

// Reason codes that an event can give about itself.
const (
	MissingField     = "MISSING_FIELD"
	UnknownEventType = "UNKNOWN_EVENT_TYPE"
	InvalidValue     = "INVALID_VALUE"
)

// missing returns a fault for the first name whose value is absent.
func missing(fields ...field) error {
	for _, f := range fields {
		if f.absent {
			return &Fault{MissingField, "/" + f.name, "the event type requires this field"}
		}
	}
	return nil
}

type field struct {
	name   string
	absent bool
}

func text[T ~string](name string, v T) field          { return field{name, v == ""} }
func optional[T any](name string, v *T) field         { return field{name, v == nil} }
func optionalText[T ~string](name string, v *T) field { return field{name, v == nil || *v == ""} }

func unknownType() error {
	return &Fault{UnknownEventType, "/eventType", "this topic does not carry the event type"}
}
