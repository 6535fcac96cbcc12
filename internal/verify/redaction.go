package verify

import (
	"encoding/json"
	"strconv"
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

// lines are the classes of a type's fields.
type lines struct {
	at    map[string][]tables.Field // by pointer
	above map[string]bool           // pointers on the way to them
}

func linesOf(t tables.EventType) lines {
	out := lines{map[string][]tables.Field{}, map[string]bool{}}
	for _, f := range t.Fields {
		out.at[f.Pointer] = append(out.at[f.Pointer], f)
		for p := f.Pointer; !out.above[p]; p = p[:max(0, strings.LastIndexByte(p, '/'))] {
			out.above[p] = true
		}
	}
	return out
}

// leak is the place of a value in a copy that its reader may not see; "" for
// none. Names of places come from lines, never from the copy.
func (ls lines) leak(body events.Body, sees map[string]bool) string {
	var v any
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return "a body that is not JSON"
	}
	return ls.below("", []string{""}, v, sees)
}

var escaped = strings.NewReplacer("~", "~0", "/", "~1")

// below walks a value. own is its pointer; at are those of them, and of those
// with stars in place of names, that lines may be about.
func (ls lines) below(own string, at []string, v any, sees map[string]bool) string {
	if v == redacted {
		return ""
	}
	for _, line := range ls.at[own] { // a line on the value itself decides about all of it
		if !sees[line.Class] {
			return line.Pointer
		}
	}
	step := func(name string, value any) string {
		name = escaped.Replace(name)
		var next []string
		for _, p := range at {
			for _, one := range []string{p + "/" + name, p + "/*"} {
				if ls.above[one] {
					next = append(next, one)
				}
			}
		}
		return ls.below(own+"/"+name, next, value, sees)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if where := step(name, value); where != "" {
				return where
			}
		}
		return ""
	case []any:
		for i, value := range v {
			if where := step(strconv.Itoa(i), value); where != "" {
				return where
			}
		}
		return ""
	}
	return ls.leaf(at, v, sees)
}

// leaf is a value that is shown: some line must permit it.
func (ls lines) leaf(at []string, v any, sees map[string]bool) string {
	for _, p := range at {
		for _, line := range ls.at[p] {
			if !sees[line.Class] {
				continue
			}
			text, is := v.(string)
			var inside any
			if line.JSON && is && json.Unmarshal([]byte(text), &inside) == nil {
				switch inside.(type) {
				case map[string]any, []any:
					return ls.below(p, []string{p}, inside, sees)
				}
			}
			return ""
		}
	}
	for _, p := range at {
		if len(ls.at[p]) > 0 {
			return p
		}
	}
	return "a field without a class"
}

// shows names a metadata attribute of a copy that its reader may not see.
func shows(e events.Envelope, t tables.EventType, sees map[string]bool) string {
	class := map[string]string{}
	for name, c := range tables.MetadataClasses {
		class[name] = c
	}
	for _, f := range t.Metadata {
		class[strings.TrimPrefix(f.Pointer, "/")] = f.Class
	}
	for name, value := range map[string]string{"transactionId": e.TransactionID, "userId": string(e.UserID), "transactionType": e.TransactionType,
		"sourceSystem": e.SourceSystem, "tags": strings.Join(e.Tags, ",")} {
		if value != "" && value != redacted && !sees[class[name]] {
			return name
		}
	}
	if e.Digest != "" {
		return "digest"
	}
	return ""
}
