package intake

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"

	"payerflow/api/problem"
	"payerflow/codecs"
)

// Committed is the answer for an event whose record all in-sync replicas have.
type Committed struct {
	Topic     string `json:"topic" doc:"Topic of the record" example:"mediator.event.received"`
	Partition int32  `json:"partition" doc:"Partition of the record"`
	Offset    int64  `json:"offset" doc:"Offset of the record"`
	ID        string `json:"id" doc:"Identity of the event: the one that was sent, or the one that was made of it"`
	Token     string `json:"token" doc:"Consistency token: opaque, stands for the place of the record"`

	Deprecated bool `json:"deprecated,omitempty" doc:"The event type is deprecated: ask its owner what to publish instead"`
}

// Result is what became of one event of a batch: its place, or its problem.
type Result struct {
	Status int `json:"status" doc:"201, or what a request with this event alone would have been answered"`
	*Committed
	Problem *problem.Problem `json:"problem,omitempty" doc:"Why the event was not taken"`
}

// Results answer a batch, in the order of its events.
type Results struct {
	Results []Result `json:"results"`
}

func (d *door) serveREST(w http.ResponseWriter, r *http.Request) {
	stay := d.flight.enter(r.Context())
	if stay == nil {
		busy().Write(w)
		return
	}
	defer stay.leave()
	key := r.Header.Get("Idempotency-Key")
	if reason := textFault(key); reason != "" || len(r.Header.Values("Idempotency-Key")) > 1 {
		p := problem.New(http.StatusBadRequest, "INVALID_REQUEST", "Idempotency-Key is one text of up to 255 bytes without control characters")
		p.Write(w)
		return
	}
	shape, p := shapeOf(r.Header)
	if p != nil {
		p.Write(w)
		return
	}
	doc, p := stay.read(w, r, d.Patience)
	if p != nil {
		p.Write(w)
		return
	}
	cs, batch, p := shape.candidates(r.Header, doc)
	if p != nil {
		p.Write(w)
		return
	}
	for i, c := range cs {
		if c.key = key; batch && key != "" {
			c.key += "\n" + strconv.Itoa(i) // no key holds a line break
		}
	}
	out, p := d.take(traced(r.Context(), r.Header), cs)
	switch {
	case p != nil:
		p.Write(w)
	case batch:
		answerBatch(w, out)
	default:
		answerOne(w, out[0])
	}
}

func answerOne(w http.ResponseWriter, o outcome) {
	if o.Problem != nil {
		o.Write(w)
		return
	}
	writeJSON(w, http.StatusCreated, o.committed())
}

func answerBatch(w http.ResponseWriter, out []outcome) {
	status, answer := http.StatusCreated, Results{Results: make([]Result, 0, len(out))}
	for _, o := range out {
		if o.Problem == nil {
			answer.Results = append(answer.Results, Result{Status: http.StatusCreated, Committed: o.committed()})
			continue
		}
		status = http.StatusMultiStatus
		if after := o.GetHeaders().Get("Retry-After"); after != "" {
			w.Header().Set("Retry-After", after)
		}
		answer.Results = append(answer.Results, Result{Status: o.Status, Problem: o.Problem})
	}
	writeJSON(w, status, answer)
}

func (o outcome) committed() *Committed {
	return &Committed{Topic: o.placed.Topic, Partition: o.placed.Partition, Offset: o.placed.Offset, ID: o.id, Token: Token(o.placed), Deprecated: o.deprecated}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// shape is how a request holds events.
type shape int

const (
	shapeNVO shape = iota // one object, or an array of them
	shapeLines
	shapeStructured
	shapeBatch
	shapeBinary
)

func shapeOf(h http.Header) (shape, *problem.Problem) {
	contentType := h.Get("Content-Type")
	media, _, err := mime.ParseMediaType(contentType)
	if h.Get("Ce-Specversion") != "" {
		if contentType == "" || isJSON(contentType) && media != ceJSON && media != ceBatch {
			return shapeBinary, nil
		}
		return 0, problem.New(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "the data of an event is application/json, or a type that ends with +json")
	}
	if err == nil && utf8Only(contentType) {
		switch media {
		case "application/json":
			return shapeNVO, nil
		case "application/x-ndjson", "application/ndjson", "application/jsonl":
			return shapeLines, nil
		case ceJSON:
			return shapeStructured, nil
		case ceBatch:
			return shapeBatch, nil
		}
	}
	return 0, problem.New(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE",
		"Content-Type is application/json, application/x-ndjson, application/cloudevents+json or application/cloudevents-batch+json, in UTF-8; or send ce- headers")
}

func utf8Only(contentType string) bool {
	_, params, _ := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return charset == "" || bytes.EqualFold([]byte(charset), []byte("utf-8"))
}

// candidates reads a request. batch says whether it is one, also of one event.
func (k shape) candidates(h http.Header, doc []byte) (cs []*candidate, batch bool, p *problem.Problem) {
	one := readNVO
	switch k {
	case shapeBinary:
		return []*candidate{readBinary(h, doc)}, false, nil
	case shapeStructured:
		return []*candidate{readStructured(doc)}, false, nil
	case shapeBatch:
		one = readStructured
	case shapeNVO:
		if first := bytes.TrimLeft(doc, " \t\r\n"); len(first) == 0 || first[0] != '[' {
			return []*candidate{readNVO(doc)}, false, nil
		}
	}
	items, ok := linesOf(doc), true
	if k != shapeLines {
		items, ok = itemsOf(doc)
	}
	switch {
	case !ok:
		return nil, true, problem.New(http.StatusBadRequest, codecs.InvalidJSON, "a batch is one JSON array of events")
	case len(items) == 0:
		return nil, true, problem.New(http.StatusUnprocessableEntity, "EMPTY_BATCH", "the batch has no event")
	case len(items) > MaxEvents:
		return nil, true, problem.New(http.StatusRequestEntityTooLarge, codecs.TooLarge, "a batch has 1000 events at most")
	}
	for _, item := range items {
		cs = append(cs, one(item))
	}
	return cs, true, nil
}
