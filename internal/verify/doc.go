// Package verify answers: is what payerflow says what its log says? It reads
// topics and HTTP answers with plain clients, works out by models of its own
// what must be there, and counts what differs. It shares no code with the
// engine, the folds or the declarations: names of topics come in as data, and
// of the project it imports events, row types and codecs alone. See docs/adr/0019.
package verify
