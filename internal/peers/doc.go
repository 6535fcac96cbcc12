// Package peers answers: who has the rows that a reader asks for, and how are
// they brought here? See docs/adr/0013.
package peers
