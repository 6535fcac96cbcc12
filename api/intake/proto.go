package intake

import (
	"errors"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"payerflow/api/intake/intakepb"
	"payerflow/codecs"
	"payerflow/events"
)

// The noun-verb-object form as a message.
var message = &form{
	names: [attributes]string{
		attrID: "/metadata/event_id", attrType: "/metadata/event_type", attrNoun: "/metadata/noun", attrVerb: "/metadata/verb",
		attrObject: "/metadata/object", attrSubobject: "/metadata/subobject", attrSubject: "/metadata/subject", attrTransactionID: "/metadata/transaction_id",
		attrUserID: "/metadata/user_id", attrTime: "/metadata/time_stamp", attrTransactionType: "/metadata/transaction_type",
		attrSourceSystem: "/metadata/source_system", attrSynthetic: "/metadata/synthetic", attrTags: "/metadata/tags",
	},
	body:     "/body",
	required: []attribute{attrTransactionID, attrTime, attrSourceSystem},
}

// readProto reads one event of a message.
func readProto(request proto.Message, e *intakepb.Event, key string) *candidate {
	m := e.GetMetadata()
	c := &candidate{form: message, key: key, tags: m.GetTags(), body: trimmed(e.GetBody()), said: [attributes]string{
		attrID: m.GetEventId(), attrType: m.GetEventType(), attrNoun: m.GetNoun(), attrVerb: m.GetVerb(), attrObject: m.GetObject(), attrSubobject: m.GetSubobject(),
		attrSubject: m.GetSubject(), attrTransactionID: m.GetTransactionId(), attrUserID: m.GetUserId(), attrTime: m.GetTimeStamp(),
		attrTransactionType: m.GetTransactionType(), attrSourceSystem: m.GetSourceSystem(),
	}}
	if m != nil && m.Synthetic != nil {
		c.said[attrSynthetic] = strconv.FormatBool(m.GetSynthetic())
	}
	if textFault(key) != "" {
		c.fault(events.InvalidValue, "/idempotency_key", "must be text of up to 255 bytes without control characters")
	}
	if unknown(request.ProtoReflect()) || unknown(e.ProtoReflect()) || unknown(m.ProtoReflect()) {
		c.fault(unknownField, "", "the message has fields that this door does not know")
	}
	if len(c.body) > 0 && !lenientValue(c.body) {
		c.fault(codecs.InvalidJSON, "/body", "the body is one JSON object")
		c.broken = true
	}
	c.needBody()
	return c
}

func unknown(m protoreflect.Message) bool { return m.IsValid() && len(m.GetUnknown()) > 0 }

// strictJSON reads messages as JSON and refuses what is unknown. Its errors
// repeat nothing.
type strictJSON struct{}

var errMessage = errors.New("the message is not the JSON of its type: a name that is not known or is there twice, or a value of another kind")

// Name is the codec's in content types.
func (strictJSON) Name() string { return "json" }

// Marshal writes a message as JSON.
func (strictJSON) Marshal(v any) ([]byte, error) {
	return protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(v.(proto.Message))
}

// Unmarshal reads a message that is known in every part.
func (strictJSON) Unmarshal(b []byte, v any) error {
	if len(b) == 0 || protojson.Unmarshal(b, v.(proto.Message)) != nil {
		return errMessage
	}
	return nil
}
