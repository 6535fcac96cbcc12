//go:build !race

package chaos

const slow = 1
