package scenario

import "strings"

// argvOf takes the words of a command's pattern apart. One that begins with a quote
// goes on to the next of that kind, spaces included, so that a pattern can say what a
// shell's words can; elsewhere a quote is a sign like any other. False: a quote has no
// end, or is followed by something else than a space.
func argvOf(on string) (out []string, ok bool) {
	for rest := strings.TrimSpace(on); rest != ""; rest = strings.TrimSpace(rest) {
		if quote := rest[0]; quote == '\'' || quote == '"' {
			word, behind, ends := strings.Cut(rest[1:], string(quote))
			if !ends || behind != "" && !strings.ContainsAny(behind[:1], " \t\n") {
				return strings.Fields(on), false
			}
			out, rest = append(out, word), behind
			continue
		}
		end := strings.IndexAny(rest, " \t\n")
		if end < 0 {
			end = len(rest)
		}
		out, rest = append(out, rest[:end]), rest[end:]
	}
	return out, true
}

// lineOf writes a command's words as a pattern has them.
func lineOf(argv []string) string {
	out := make([]string, len(argv))
	for i, w := range argv {
		out[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n") || w[0] == '\'' || w[0] == '"' {
			quote := "'"
			if strings.Contains(w, quote) {
				quote = `"`
			}
			out[i] = quote + w + quote
		}
	}
	return strings.Join(out, " ")
}
