package intake

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
)

// element is an XML element: its name, its text, its children.
type element struct {
	name     xml.Name
	attrs    []xml.Attr
	text     string
	children []*element
}

// Bounds of an XML document, beside that of its request.
const (
	maxXMLDepth    = 16
	maxXMLElements = 512
)

var (
	errXML     = errors.New("is not well-formed XML in UTF-8")
	errDTD     = errors.New("document types, entities and processing instructions are not taken")
	errXMLSize = errors.New("is deeper or has more elements than an event needs")
)

// readXML reads one document. It refuses document types, so that there are no
// entities but the five of XML itself, and nothing is ever fetched.
func readXML(doc []byte) (*element, error) {
	dec := xml.NewDecoder(bytes.NewReader(doc))
	dec.Strict, dec.Entity = true, nil
	var root *element
	var open []*element
	for count := 0; ; {
		tok, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF) && root != nil && len(open) == 0:
			return root, nil
		case err != nil:
			return nil, errXML
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, errDTD
		case xml.ProcInst:
			if t.Target != "xml" || root != nil {
				return nil, errDTD
			}
		case xml.StartElement:
			if count++; count > maxXMLElements || len(open) == maxXMLDepth || root != nil && len(open) == 0 {
				return nil, errXMLSize
			}
			e := &element{name: t.Name, attrs: t.Copy().Attr}
			if len(open) == 0 {
				root = e
			} else {
				parent := open[len(open)-1]
				parent.children = append(parent.children, e)
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			switch {
			case len(open) > 0:
				open[len(open)-1].text += string(t)
			case len(bytes.TrimSpace(t)) > 0:
				return nil, errXML
			}
		}
	}
}

// child is the first child of a name, nil where there is none.
func (e *element) child(space, local string) *element {
	for _, c := range e.children {
		if c.name.Space == space && c.name.Local == local {
			return c
		}
	}
	return nil
}

// attr is the value of an attribute, "" where it is absent.
func (e *element) attr(space, local string) string {
	for _, a := range e.attrs {
		if a.Name.Space == space && a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}
