// Package expire answers: which records may topics forget? Where an event store
// is configured the brokers delete nothing by age. One worker at a time moves
// the beginning of each partition to the age that the catalogue gives its
// topic, and never past a record that the store does not hold, as it compares
// them, or that a group has yet to fold. See docs/adr/0021.
package expire
