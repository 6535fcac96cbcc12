package tables

import (
	"path"
	"slices"
	"time"
)

// The kinds of rows that the mediator's rules are. Each is written as JSON in
// a control event, and is one row of the mediator-rules table.
const (
	KindEventType    = "event-type"
	KindRoutingRule  = "routing-rule"
	KindSubscription = "subscription"
	KindPermission   = "permission"
	KindToken        = "token"
	KindPolicy       = "approval-policy"
	KindProposal     = "proposal"
	KindGracePolicy  = "grace-policy"
)

// Classes of fields that we set. A team may register others.
const (
	ClassPublic = "PUBLIC" // needs no permission
	ClassPHI    = "PHI"
	ClassPII    = "PII"
	ClassBank   = "BANK"
)

// EventType is a registered type of event; name: the type's name.
type EventType struct {
	Name     string   `json:"name"`
	Parts    []string `json:"parts,omitempty"` // noun, verb, object, subobject; none for catalogue types. The joined name is never split
	Version  int32    `json:"version"`         // of the schema: grows with it
	Owner    string   `json:"owner"`           // team
	Doc      string   `json:"doc"`
	Schema   string   `json:"schema"`            // JSON Schema 2020-12 of the body
	KeyField string   `json:"keyField"`          // JSON pointer of the key in the body, "" for none
	Topic    string   `json:"topic,omitempty"`   // domain topic, "" for none
	Subject  string   `json:"subject,omitempty"` // Avro subject, where typed
	Fields   []Field  `json:"fields"`
	Metadata []Field  `json:"metadata,omitempty"` // classes of metadata that differ from MetadataClasses; Pointer is the attribute's name
	Tags     []string `json:"tags,omitempty"`     // in use, for those who look for them
	Sample   string   `json:"sample,omitempty"`   // a synthetic body, JSON
	State    string   `json:"state"`              // StateActive or StateDeprecated
}

// Field is the class of a field of a body. A field that no line names is
// withheld from everybody.
type Field struct {
	// Pointer is an RFC 6901 JSON pointer; "*" stands for every item of an
	// array and every value of an object whose names are data, and a step
	// after a field with JSON goes into the JSON inside of the text.
	Pointer string `json:"pointer"`
	Class   string `json:"class"`
	Keys    string `json:"keys,omitempty"`   // class of the names of an object whose names are data
	JSON    bool   `json:"json,omitempty"`   // the text holds JSON, classed by the lines below it
	Source  string `json:"source,omitempty"` // why it has this class
}

// MetadataClasses are the classes of an event's metadata unless its type says
// otherwise. The subject has the class of the key field.
var MetadataClasses = map[string]string{
	"id": ClassPublic, "eventType": ClassPublic, "time": ClassPublic, "transactionId": ClassPublic, "transactionType": ClassPublic,
	"sourceSystem": ClassPublic, "synthetic": ClassPublic, "tags": ClassPublic, "userId": ClassPII, "publisher": ClassPublic, "receivedAt": ClassPublic,
}

// RoutingRule sends events on a condition; name: team/name.
type RoutingRule struct {
	Team        string   `json:"team"`
	Name        string   `json:"name"`
	EventTypes  []string `json:"eventTypes"`  // names, or patterns as Matches reads them
	Condition   string   `json:"condition"`   // CEL over event, tags and body; "" always holds
	Destination string   `json:"destination"` // team/name of a subscription of the same team, "" where subscriptions name the rule
	Doc         string   `json:"doc,omitempty"`
	State       string   `json:"state"`
	Reason      string   `json:"reason,omitempty"` // of a quarantine
}

// Subscription is what a team gets and how; name: team/name.
type Subscription struct {
	Team       string    `json:"team"`
	Name       string    `json:"name"`
	EventTypes []string  `json:"eventTypes,omitempty"` // names or patterns
	Rules      []string  `json:"rules,omitempty"`      // names of the team's routing rules; with none, every event of EventTypes
	Tags       TagFilter `json:"tags"`
	Synthetic  string    `json:"synthetic"` // PassThrough or Discard
	Delivery   string    `json:"delivery"`  // DeliverTopic, DeliverStream or DeliverPull
	Partitions int       `json:"partitions"`
	Retries    int       `json:"retries,omitempty"` // redeliveries of a pull before the event is parked; 0: 3
	State      string    `json:"state"`
	Reason     string    `json:"reason,omitempty"`
}

// TagFilter chooses events by tags. Empty lists choose all.
type TagFilter struct {
	AllOf  []string `json:"allOf,omitempty"`
	AnyOf  []string `json:"anyOf,omitempty"`
	NoneOf []string `json:"noneOf,omitempty"`
}

// Permission lets a team, or one application of it, see a class; name:
// team/class or team:application/class.
type Permission struct {
	Team        string   `json:"team"`
	Application string   `json:"application,omitempty"`
	Class       string   `json:"class"`
	EventTypes  []string `json:"eventTypes,omitempty"` // names or patterns; none: all
}

// Token opens doors; name: its id. The secret is shown once and kept as a
// keyed hash.
type Token struct {
	ID          string    `json:"id"`
	Team        string    `json:"team"`
	Application string    `json:"application,omitempty"`
	Hash        string    `json:"hash"` // HMAC-SHA-256 of the secret, hex
	Scopes      Scopes    `json:"scopes"`
	CreatedAt   time.Time `json:"createdAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
	Revoked     bool      `json:"revoked"`
}

// Scopes are what a token may do. Names or patterns, as Matches reads them.
type Scopes struct {
	Publish   []string `json:"publish,omitempty"`   // event types
	Subscribe []string `json:"subscribe,omitempty"` // event types
	Read      []string `json:"read,omitempty"`      // views
	Admin     bool     `json:"admin,omitempty"`     // everything of every team
	// BreakGlass are views and classes that it may open for itself, for an hour
	// at most. An administrator needs it too.
	BreakGlass []string `json:"breakGlass,omitempty"`
	Audit      bool     `json:"audit,omitempty"` // asks the audit: hashes of keys, glasses that are broken
}

// States of rows, ways of delivery and policies.
const (
	StateActive      = "ACTIVE"
	StatePaused      = "PAUSED"
	StateDeprecated  = "DEPRECATED"
	StateQuarantined = "QUARANTINED"
	StateShadow      = "SHADOW" // of a rule or subscription: asked of every event, and only counted

	DeliverTopic  = "topic"
	DeliverStream = "stream"
	DeliverPull   = "pull"

	PassThrough = "pass-through"
	Discard     = "discard"
)

// ConsumerTopicPrefix is what the names of all consumer topics begin with.
const ConsumerTopicPrefix = "consumer."

// Topic is the subscription's consumer topic. Streams and pulls read it too.
func (s Subscription) Topic() string { return ConsumerTopicPrefix + s.Team + "." + s.Name }

// ID is the subscription's name in control events.
func (s Subscription) ID() string { return s.Team + "/" + s.Name }

// ID is the rule's name in control events.
func (r RoutingRule) ID() string { return r.Team + "/" + r.Name }

// ID is the permission's name in control events.
func (p Permission) ID() string {
	if p.Application != "" {
		return p.Team + ":" + p.Application + "/" + p.Class
	}
	return p.Team + "/" + p.Class
}

// Matches says whether a name is one of the patterns: "*" stands for any run
// of characters, everything else for itself.
func Matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}

// Takes says whether the filter chooses an event with these tags.
func (f TagFilter) Takes(tags []string) bool {
	has := func(t string) bool { return slices.Contains(tags, t) }
	return !slices.ContainsFunc(f.AllOf, func(t string) bool { return !has(t) }) &&
		(len(f.AnyOf) == 0 || slices.ContainsFunc(f.AnyOf, has)) && !slices.ContainsFunc(f.NoneOf, has)
}

// Valid says whether the token opens doors at a time.
func (t Token) Valid(now time.Time) bool { return !t.Revoked && now.Before(t.ExpiresAt) }

// Registered are those of an event's tags that its type registers.
func (t EventType) Registered(tags []string) (out []string) {
	for _, tag := range tags {
		if slices.Contains(t.Tags, tag) {
			out = append(out, tag)
		}
	}
	return out
}
