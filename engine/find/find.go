// Package find ranks runbooks by what somebody says is wrong. It compares words:
// without case and accents, in a simple stem, and says which of them it found
// where. It reads no file; what there is to find is handed to it.
package find

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Entry is a runbook, as far as people look for it.
type Entry struct {
	Name        string
	Title       string
	Description string
	Triggers    []string
	Tags        []string
	Steps       []string // their titles
}

// Match is an entry that fits: its place in the list that was given, how well it
// fits, and why, the best reason first.
type Match struct {
	Entry int
	Score int
	Why   []Reason
}

// Reason is a text of an entry in which words of the query stand.
type Reason struct {
	Field string   `json:"field"` // trigger, name, tag, title, description, step
	Text  string   `json:"text"`
	Words []string `json:"words"` // of the query, as they were written
	Whole bool     `json:"whole"` // all words of the text are in the query
	score float64
}

// The bounds of a query: what goes beyond is not looked for.
const (
	maxQuery = 1 << 10 // bytes
	maxWords = 32
	maxText  = 8 << 10 // bytes of one text of an entry
	reasons  = 4       // at most this many are given
)

// weights say how much a word counts, by where it stands. A trigger was written
// to be found by; a step's title was not.
var weights = map[string]float64{"trigger": 10, "name": 8, "tag": 6, "title": 5, "description": 2, "step": 1}

// Rank gives the entries that fit a query, the best first; those that fit alike
// stay in the order of their names. Every entry has at least one word of the
// query that says something: `is` and `the` alone fit nothing, unless the query
// has no other words.
func Rank(query string, entries []Entry) []Match {
	q := readQuery(query)
	if len(q) == 0 {
		return nil
	}
	texts := make([][]field, len(entries))
	for i, e := range entries {
		texts[i] = e.fields()
	}
	worth := rarity(q, texts)
	var out []Match
	for i := range entries {
		if m := score(q, worth, texts[i]); len(m.Why) > 0 {
			m.Entry = i
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b Match) int {
		if a.Score != b.Score {
			return b.Score - a.Score
		}
		return strings.Compare(entries[a.Entry].Name, entries[b.Entry].Name)
	})
	return out
}

// word is one of the query: as it was written, and as it is compared.
type word struct{ written, stem string }

// field is one text of an entry with the stems of its words.
type field struct {
	name, text string
	stems      []string
}

func (e Entry) fields() []field {
	var out []field
	add := func(name string, texts ...string) {
		for _, t := range texts {
			t = strings.ToValidUTF8(t[:min(len(t), maxText)], "")
			if stems := stemsOf(t); len(stems) > 0 {
				out = append(out, field{name, t, stems})
			}
		}
	}
	add("trigger", e.Triggers...)
	add("name", e.Name)
	add("tag", e.Tags...)
	add("title", e.Title)
	add("description", e.Description)
	add("step", e.Steps...)
	return out
}

// readQuery takes a query apart, and leaves out the words that say nothing.
func readQuery(query string) []word {
	var all, telling []word
	for _, w := range split(query[:min(len(query), maxQuery)]) {
		x := word{w, stem(fold(w))}
		if len(all) == maxWords || x.stem == "" {
			continue
		}
		if slices.ContainsFunc(all, func(y word) bool { return y.stem == x.stem }) {
			continue
		}
		all = append(all, x)
		if !silent[fold(w)] {
			telling = append(telling, x)
		}
	}
	if len(telling) == 0 {
		return all
	}
	return telling
}

// rarity is how much each word of the query says: one that every entry has says
// little.
func rarity(q []word, texts [][]field) []float64 {
	out := make([]float64, len(q))
	for i, w := range q {
		n := 0
		for _, fields := range texts {
			if slices.ContainsFunc(fields, func(f field) bool { return fit(w.stem, f.stems) > 0 }) {
				n++
			}
		}
		out[i] = 1 + math.Log(float64(1+len(texts))/float64(1+n))
	}
	return out
}

// score holds an entry against the query. A word counts once, where it counts
// most; a trigger or name that stands in the query as a whole counts twice.
func score(q []word, worth []float64, fields []field) Match {
	best := make([]float64, len(q))
	var m Match
	for _, f := range fields {
		r := Reason{Field: f.name, Text: f.text, Whole: whole(f.stems, q)}
		weight := weights[f.name]
		if r.Whole && (f.name == "trigger" || f.name == "name") {
			weight *= 2
		}
		for i, w := range q {
			if fits := fit(w.stem, f.stems); fits > 0 {
				s := weight * fits * worth[i]
				r.Words = append(r.Words, w.written)
				r.score += s
				best[i] = max(best[i], s)
			}
		}
		if len(r.Words) > 0 {
			m.Why = append(m.Why, r)
		}
	}
	total := 0.0
	for _, b := range best {
		total += b
	}
	m.Score = int(math.Round(total * 10))
	slices.SortStableFunc(m.Why, func(a, b Reason) int { return cmp.Compare(b.score, a.score) })
	m.Why = m.Why[:min(len(m.Why), reasons)]
	return m
}

// whole reports whether all telling words of a text are in the query.
func whole(stems []string, q []word) bool {
	for _, s := range stems {
		if !silent[s] && !slices.ContainsFunc(q, func(w word) bool { return w.stem == s }) {
			return false
		}
	}
	return true
}

// fit is how well a word fits the words of a text: 1 where it is one of them,
// less where one begins with it, as people type.
func fit(stem string, stems []string) float64 {
	fits := 0.0
	for _, s := range stems {
		if s == stem {
			return 1
		}
		if len(stem) >= 3 && strings.HasPrefix(s, stem) {
			fits = 0.5
		}
	}
	return fits
}

func stemsOf(text string) []string {
	var out []string
	for _, w := range split(text) {
		if s := stem(fold(w)); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// split gives the words of a text: letters and digits with the marks on them.
func split(text string) []string {
	return strings.FieldsFunc(strings.ToValidUTF8(text, " "), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r)
	})
}

// fold takes case and accents from a word: Störung is storung.
func fold(w string) string {
	bare := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(w))
	return strings.ReplaceAll(norm.NFKC.String(bare), "ß", "ss")
}

// stem takes the plural from a word: tokens, queries, crashes. It is the same for
// both sides, so a word that it cuts wrongly is still found.
func stem(w string) string {
	switch {
	case len(w) <= 3:
	case strings.HasSuffix(w, "ies") && len(w) > 4:
		return w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "xes"), strings.HasSuffix(w, "zes"), strings.HasSuffix(w, "ches"), strings.HasSuffix(w, "shes"):
		return w[:len(w)-2]
	case strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "us"), strings.HasSuffix(w, "is"):
	case strings.HasSuffix(w, "s"):
		return w[:len(w)-1]
	}
	return w
}

// silent are words that say nothing of what is wrong.
var silent = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields("a an and are at be been but by can cannot could did didn do does doesn don for from get gets got has have how i if in into is isn it its me my no not of on or our please s so t that the their them there these they this to us was we were what when where which who why will with won you your") {
		m[w], m[stem(w)] = true, true
	}
	return m
}()
