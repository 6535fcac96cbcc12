// Package topology answers: which words describe a stream application, and
// what follows from a description.
//
// A declaration is a plain value. The same value runs on a broker
// (internal/engine), runs in memory one record at a time (Driver), draws
// itself (Mermaid, DOT) and checks itself (Check). Nothing here knows a broker.
package topology
