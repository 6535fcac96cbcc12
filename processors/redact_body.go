package processors

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"payerflow/events"
)

const (
	withheld     = `"` + events.Redacted + `"`
	withheldBody = `{` + withheld + `:` + withheld + `}` // of which nothing may be seen
)

// Body is the redacted copy of a JSON body. With an error, which repeats
// nothing of the body, nothing may leave.
func (m *Mask) Body(body []byte) ([]byte, error) {
	out, err := walkBody(make([]byte, 0, len(body)+256), body, m.root)
	if err != nil {
		return nil, errUnwalkable
	}
	return out, nil
}

// masking walks one JSON text and appends what may be seen of it.
type masking struct {
	in  *jsontext.Decoder
	src bytes.Buffer
	out []byte
}

var maskings = sync.Pool{New: func() any { return &masking{in: jsontext.NewDecoder(&bytes.Buffer{})} }}

// start takes a walker for one text; the defaults of jsontext refuse names
// that come twice, half surrogates and bytes that are not UTF-8.
func start(out, text []byte) *masking {
	w := maskings.Get().(*masking)
	w.src = *bytes.NewBuffer(text)
	w.in.Reset(&w.src)
	w.out = out
	return w
}

func (w *masking) done() {
	w.src, w.out = bytes.Buffer{}, nil
	w.in.Reset(&w.src)
	maskings.Put(w)
}

func walkBody(out, body []byte, root *maskNode) ([]byte, error) {
	w := start(out, body)
	defer w.done()
	switch kind := w.in.PeekKind(); {
	case kind == '{' && root.descends() && (!root.lined || root.open), kind == '[' && root.items && (!root.lined || root.open):
		if err := w.value(root); err != nil {
			return nil, err
		}
	default:
		if err := w.in.SkipValue(); err != nil {
			return nil, err
		}
		w.out = append(w.out, withheldBody...)
	}
	return w.out, w.end()
}

// end is nil when nothing is left.
func (w *masking) end() error {
	if _, err := w.in.ReadToken(); !errors.Is(err, io.EOF) {
		return errUnwalkable
	}
	return nil
}

func (w *masking) value(n *maskNode) error {
	if n == nil || n.lined && !n.open {
		return w.withhold()
	}
	switch kind := w.in.PeekKind(); {
	case kind == '{' && n.descends():
		return w.object(n)
	case kind == '[' && (n.lined || n.items):
		return w.array(n)
	case !n.lined || kind == '{' || kind == '[':
		return w.withhold()
	case kind == '"' && n.json:
		return w.text(n)
	case n.json && kind != 'n':
		return w.withhold()
	}
	v, err := w.in.ReadValue()
	w.out = append(w.out, v...)
	return err
}

func (w *masking) withhold() error {
	w.out = append(w.out, withheld...)
	return w.in.SkipValue()
}

func (w *masking) object(n *maskNode) error {
	if _, err := w.in.ReadToken(); err != nil {
		return err
	}
	w.out = append(w.out, '{')
	hidden := 0
	for first := true; w.in.PeekKind() != '}'; first = false {
		if !first {
			w.out = append(w.out, ',')
		}
		child, err := w.name(n, &hidden)
		if err != nil {
			return err
		}
		w.out = append(w.out, ':')
		if err := w.value(child); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	_, err := w.in.ReadToken()
	return err
}

// name writes a name, or what stands for one that may not be seen, and finds
// the place that it names.
func (w *masking) name(n *maskNode, hidden *int) (*maskNode, error) {
	raw, err := w.in.ReadValue()
	if err != nil {
		return nil, err
	}
	plain := raw[1 : len(raw)-1]
	if bytes.IndexByte(plain, '\\') >= 0 {
		if plain, err = jsontext.AppendUnquote(nil, raw); err != nil {
			return nil, err
		}
	}
	child, shown := n.child(string(plain))
	if shown {
		w.out = append(w.out, raw...)
		return child, nil
	}
	*hidden++
	w.out = append(append(w.out, '"'), events.Redacted...)
	if *hidden > 1 {
		w.out = strconv.AppendInt(append(w.out, '-'), int64(*hidden), 10)
	}
	w.out = append(w.out, '"')
	return child, nil
}

func (w *masking) array(n *maskNode) error {
	if _, err := w.in.ReadToken(); err != nil {
		return err
	}
	w.out = append(w.out, '[')
	for i := 0; w.in.PeekKind() != ']'; i++ {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		child := n.star
		if len(n.names) > 0 {
			if c, ok := n.names[strconv.Itoa(i)]; ok {
				child = c
			}
		}
		if err := w.value(child); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	_, err := w.in.ReadToken()
	return err
}

// text walks the JSON inside of a text and writes it as a text again. What is
// no JSON object or array is withheld: no line says what it is.
func (w *masking) text(n *maskNode) error {
	raw, err := w.in.ReadValue()
	if err != nil {
		return err
	}
	inner, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return err
	}
	seen, ok := walkText(inner, n)
	if !ok {
		w.out = append(w.out, withheld...)
		return nil
	}
	w.out, err = jsontext.AppendQuote(w.out, seen)
	return err
}

// walkText returns false for what is not one JSON object or array.
func walkText(text []byte, n *maskNode) ([]byte, bool) {
	w := start(nil, text)
	defer w.done()
	var err error
	switch w.in.PeekKind() {
	case '{':
		err = w.object(n)
	case '[':
		err = w.array(n)
	default:
		err = errUnwalkable
	}
	return w.out, err == nil && w.end() == nil
}
