//go:build race

package chaos

// slow is how many times longer everything takes under the race detector.
const slow = 5
