//go:build !goka_faults

package sim

// fault is a mistake that a build with goka_faults can make; see faults_goka.go.
const fault = noFault
