// Package check answers one question: would what deploy holds run where it is
// deployed? It is a module of its own: its tests need Kubernetes' types.
package check
