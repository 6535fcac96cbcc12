package topology

import "strings"

// FoldChanged says whether two fingerprints of a group's code and rows, as
// topologies.Folds gives them, are known and differ.
func FoldChanged(begun, now string) bool { return begun != "" && now != "" && begun != now }

// CheckFolds says which tables were begun with other folds, or with rows of
// another schema, than those that are declared now.
func CheckFolds(groups []Declared, begun, now map[string]string) (notes []Note) {
	for _, g := range byName(groups) {
		if !FoldChanged(begun[g.Name], now[g.Name]) {
			continue
		}
		what := "another fold"
		if code, _, _ := strings.Cut(begun[g.Name], "-"); strings.HasPrefix(now[g.Name], code+"-") {
			what = "rows of another schema"
		}
		notes = append(notes, Note{g.Name, true, "its table was begun with " + what + ": replay it (a next version, see payerflow replay), or say that the rows are the same: payerflow replay same --group " + g.Name})
	}
	return notes
}
