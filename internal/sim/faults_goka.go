//go:build goka_faults

package sim

// fault is the mistake that the simulated engine makes, whatever the seed.
var fault = noFault
