// Package intake answers: how does an event come in, and what is it refused
// for?
//
// One contract at three doors: REST (the noun-verb-object form and
// CloudEvents), gRPC and SOAP. Each door only reads what it was sent into a
// candidate; accept decides about it, and the door answers when the record is
// committed.
package intake
