// Package doctor answers: may a worker be started here. It asks the cluster,
// the registry and the machine, and judges what they say; the judgements are
// plain functions of plain facts. It changes nothing, unless it is asked to
// try transactions on a topic that it makes and deletes.
package doctor
