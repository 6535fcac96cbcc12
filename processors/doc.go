// Package processors answers: what follows from an event. It holds the folds,
// pure functions from (row, record, facts) to (row, outputs).
package processors
