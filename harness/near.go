package harness

import (
	"sort"
	"strings"
)

// Near returns the known word that is closest to what was typed, or "" when none is close enough to be meant. Case
// does not count; a third of the letters may be wrong.
func Near(typed string, known []string) string {
	sorted := append([]string(nil), known...)
	sort.Strings(sorted)
	best, least := "", len([]rune(typed))/3+1
	for _, word := range sorted {
		if d := distance(strings.ToLower(typed), strings.ToLower(word)); d < least || d == least && best == "" && d <= 1 {
			best, least = word, d
		}
	}
	if best != "" {
		return best
	}
	for _, word := range sorted { // the beginning of a longer word
		if len(typed) >= 3 && strings.HasPrefix(strings.ToLower(word), strings.ToLower(typed)) {
			return word
		}
	}
	return ""
}

// distance counts the letters to insert, delete, replace or swap with their neighbour to make b out of a.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
