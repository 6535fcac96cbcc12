// Package api answers: how do portals and operators reach the application over
// HTTP. It serves views, health, metrics and its own description; it decides
// nothing about events.
package api
