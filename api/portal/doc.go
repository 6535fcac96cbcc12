// Package portal answers: how does a browser get the portal, and stay signed
// in? It serves the built page and keeps a session in a sealed cookie. It
// decides nothing: the session's token goes by the same guard as every other.
package portal
