package topologies

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"payerflow/codecs"
	"payerflow/tables"
)

// DefaultEventTypes are the catalogue's event types as registered rows, in
// name order: what the mediator knows before anybody has registered anything.
func DefaultEventTypes() []tables.EventType {
	all := defaultEventTypes()
	return append([]tables.EventType(nil), all...)
}

var defaultEventTypes = sync.OnceValue(func() []tables.EventType {
	var all []tables.EventType
	for _, name := range codecs.EventTypes() {
		t, err := defaultEventType(name)
		if err != nil {
			panic(fmt.Sprintf("the catalogue's %s: %v", name, err)) // the files are in the binary, and tested
		}
		all = append(all, t)
	}
	return all
})

func defaultEventType(name string) (tables.EventType, error) {
	topic, ok := TopicFor(name)
	if !ok {
		return tables.EventType{}, fmt.Errorf("no topic carries it")
	}
	t := tables.EventType{
		Name: name, Version: 1, Owner: team(topic.Owner), KeyField: "/" + topic.KeyField, Topic: topic.Name, Subject: topic.Subject(), State: tables.StateActive,
	}
	var err error
	if t.Schema, err = codecs.JSONSchema(name); err != nil {
		return t, err
	}
	if t.Fields, err = codecs.Fields(name); err != nil {
		return t, err
	}
	if t.Sample, err = codecs.Sample(name); err != nil {
		return t, err
	}
	var says struct{ Description string }
	if err := json.Unmarshal([]byte(t.Schema), &says); err != nil {
		return t, err
	}
	t.Doc = says.Description
	return t, nil
}

// team is the name of the team that runs a service, as tokens have it:
// "Claims Service" is run by claims-service.
func team(service string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(service), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }), "-")
}
