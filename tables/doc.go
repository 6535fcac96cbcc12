// Package tables answers: what is known about one entity, and which questions
// does its row answer alone.
package tables
