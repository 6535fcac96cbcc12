package config

import "strings"

// nearest is the known name that takes the fewest single-letter changes from got, or the one whose last part is got:
// someone who forgets the section means that one. Of equals the first wins.
func nearest(got string, known []string) string {
	best, least := "", -1
	for _, k := range known {
		if strings.HasSuffix(k, "."+got) {
			return k
		}
		if d := distance(strings.ToLower(got), strings.ToLower(k)); least < 0 || d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's: insertions, deletions and replacements of one letter.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
