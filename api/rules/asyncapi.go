package rules

import (
	"encoding/json"
	"fmt"
	"maps"

	"payerflow/tables"
)

type object = map[string]any

// Channels beside the domain topics.
const (
	doorChannel     = "v1-events"
	consumerChannel = "consumer"
	schemaFormat    = "application/schema+json;version=draft-2020-12"
)

// asyncAPI describes the registry in the words of AsyncAPI 3.0: a message for
// each event type, a channel for each domain topic, the doors together, and the
// topics of subscriptions.
func asyncAPI(r Registry, version string) object {
	messages, all := object{}, object{}
	for _, t := range r.EventTypes {
		messages[t.Name] = message(t.Row)
		all[t.Name] = ref("messages", t.Name)
	}
	channels := object{
		doorChannel: object{"address": "/v1/events", "title": "Doors", "description": "Every event comes in here, over REST, CloudEvents, gRPC or SOAP.",
			"messages": all, "bindings": object{"http": object{}}},
		consumerChannel: object{"address": tables.ConsumerTopicPrefix + "{team}.{subscription}", "title": "Subscriptions",
			"description": "The copy of one subscription: what its team may not see is redacted.", "messages": maps.Clone(all),
			"parameters": object{"team": object{"description": "The team that subscribes."}, "subscription": object{"description": "Its name within the team."}}},
	}
	operations := object{
		"receive-events":     operation("receive", doorChannel, "Take an event in"),
		"send-subscriptions": operation("send", consumerChannel, "Send each subscription its copy"),
	}
	for _, t := range r.Topics {
		channels[t.Name] = domainChannel(t, messages)
		operations["send-"+t.Name] = operation("send", t.Name, "Send typed events to their domain topic")
	}
	return object{"asyncapi": "3.0.0", "defaultContentType": "application/json", "channels": channels, "operations": operations,
		"info": object{"title": "payerflow event registry", "version": fmt.Sprintf("%s+%d", version, r.Offset),
			"description": "Event types of a health plan's event backbone. On domain topics values are Avro in the Confluent frame; the payloads here are the JSON forms."},
		"components": object{"messages": messages}}
}

func ref(parts ...string) object {
	path := "#/components"
	for _, p := range parts {
		path += "/" + p
	}
	return object{"$ref": path}
}

func operation(action, channel, summary string) object {
	return object{"action": action, "channel": object{"$ref": "#/channels/" + channel}, "summary": summary}
}

func domainChannel(t DomainTopic, known object) object {
	messages := object{}
	for _, name := range t.EventTypes {
		if known[name] != nil {
			messages[name] = ref("messages", name)
		}
	}
	return object{"address": t.Name, "title": t.Name, "description": fmt.Sprintf("Domain topic of %s, kept %d days; key: %s.", t.Owner, t.RetentionDays, t.KeyField),
		"messages": messages, "bindings": object{"kafka": object{"topic": t.Name, "partitions": t.Partitions}}}
}

// message describes an event type. A schema that is not JSON is left out: the
// rules let none in.
func message(t tables.EventType) object {
	m := object{"name": t.Name, "title": t.Name, "contentType": "application/json", "description": t.Doc, "x-owner": t.Owner,
		"x-version": t.Version, "x-state": t.State, "x-classes": t.Fields}
	var schema any
	if json.Unmarshal([]byte(t.Schema), &schema) == nil {
		m["payload"] = object{"schemaFormat": schemaFormat, "schema": schema}
	}
	var sample object
	if json.Unmarshal([]byte(t.Sample), &sample) == nil {
		m["examples"] = []any{object{"name": "sample", "payload": sample}}
	}
	var tags []any
	for _, tag := range t.Tags {
		tags = append(tags, object{"name": tag})
	}
	if len(tags) > 0 {
		m["tags"] = tags
	}
	return m
}
