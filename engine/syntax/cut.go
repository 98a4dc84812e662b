package syntax

import (
	"strings"

	"runbook/engine/spec"
)

// cut notices a plain expression that YAML ended at a ` #`: what is left has
// brackets or quotes open.
func (c *checker) cut(n *Node, s *spec.Shape, what string) {
	if n.Style != PlainStyle || s.Form != spec.Expr || balanced(n.Text.Value) {
		return
	}
	rest := n.Span.File.Data[n.Span.End:lineEnd(n.Span.File.Data, n.Span.End)]
	detail := "A bracket or a quote is not closed."
	if strings.HasPrefix(strings.TrimLeft(string(rest), " \t"), "#") {
		detail = "YAML reads ` #` as the beginning of a comment: quote the whole expression."
	} else if strings.ContainsAny(string(rest), ",]}") {
		detail = "YAML ends a value at `,`, `]` or `}` inside [ ] or { }: quote the whole expression."
	}
	c.add(n, "quote-it", n.Span, what+" is cut off", detail)
}

// balanced reports whether brackets and quotes are closed.
func balanced(s string) bool {
	var open []byte
	pairs := map[byte]byte{')': '(', ']': '[', '}': '{'}
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; ch {
		case '(', '[', '{':
			open = append(open, ch)
		case ')', ']', '}':
			if len(open) == 0 || open[len(open)-1] != pairs[ch] {
				return false
			}
			open = open[:len(open)-1]
		case '"', '\'', '`':
			j := i + 1
			for j < len(s) && s[j] != ch {
				if s[j] == '\\' && ch != '`' {
					j++
				}
				j++
			}
			if j >= len(s) {
				return false
			}
			i = j
		}
	}
	return len(open) == 0
}
