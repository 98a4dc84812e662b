package source

import "strings"

// Suggest is the word of a list that was most likely meant: the nearest by
// edits (insert, delete, replace, swap of neighbours), or "" where none is near
// enough to be helpful.
func Suggest(word string, from []string) string {
	best, at := "", max(1, len(word)/3)+1
	for _, w := range from {
		if strings.EqualFold(w, word) && w != word {
			return w
		}
		if d := distance(strings.ToLower(word), strings.ToLower(w), at); d < at {
			best, at = w, d
		}
	}
	if best == "" && len(word) >= 3 {
		for _, w := range from {
			if strings.HasPrefix(strings.ToLower(w), strings.ToLower(word)) {
				return w
			}
		}
	}
	return best
}

// distance counts edits, and stops counting at limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 128 || len(b) > 128 {
		return limit
	}
	before := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
