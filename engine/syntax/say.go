package syntax

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/engine/spec"
)

// wrong says that a value has another form than its shape wants.
func (c *checker) wrong(n *Node, s *spec.Shape, what string) {
	detail := "Write " + Describe(s) + "."
	switch {
	case n.Reported:
		return
	case n.Kind == Mapping && slices.ContainsFunc(n.Entries, func(e Entry) bool { return e.Value.Kind == Null || e.Key.Value == "" }):
		c.add(n, "quote-it", n.Span, what+" is a mapping to YAML", "If it is a template or an expression, quote it: YAML reads { and ? as its own syntax.")
		return
	case n.Kind == Scalar && s.Form != spec.List && n.Tag != Str && isText(s) && len(s.Enum) == 0:
		detail = fmt.Sprintf("YAML reads %s as %s; quote it: %q.", short(n.Text.Value), nodeName(n), short(n.Text.Value))
	case n.Kind == Scalar && n.Tag == Str && ambiguous(n) != "":
		detail += " " + ambiguous(n)
	case n.Kind == Scalar && strings.TrimSpace(n.Text.Value) != "" && alone(s) != "":
		detail = fmt.Sprintf("Write a mapping: {%s: %s}.", alone(s), short(quoteFlow(n)))
	case n.Kind == Scalar && len(s.Fields) > 0:
		detail = "Write a mapping. " + keysOf(s)
	}
	c.add(n, "wrong-type", n.Span, fmt.Sprintf("%s is %s, not %s", what, nodeName(n), Describe(s)), detail)
}

// alone is the one key that a mapping needs, where that holds text: what stands in
// the mapping's place may be meant for it.
func alone(s *spec.Shape) string {
	key := ""
	for _, f := range s.Fields {
		switch {
		case !f.Required:
		case key != "" || !isText(f.Shape) || len(f.Shape.Enum) > 0:
			return ""
		default:
			key = f.Key
		}
	}
	return key
}

// keysOf names the keys that a mapping needs, or, where it needs none, those that
// it has.
func keysOf(s *spec.Shape) string {
	var needs, has []string
	for _, f := range s.Fields {
		has = append(has, f.Key)
		if f.Required {
			needs = append(needs, f.Key)
		}
	}
	if len(needs) > 0 {
		return "It needs " + quoted(needs) + "."
	}
	if len(has) == 1 {
		return "Its key is " + quoted(has) + "."
	}
	return "Its keys are " + quoted(has) + "."
}

func isText(s *spec.Shape) bool {
	return s.Form == spec.String || s.Form == spec.Ident || s.Form == spec.Template || s.Form == spec.Script
}

// old11 are words that a YAML 1.1 reader takes for booleans, and numbers that it
// reads otherwise; runbooks are YAML 1.2.
var (
	oldBool   = regexp.MustCompile(`^(?:[yY]|[nN]|[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF)$`)
	oldNumber = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(?:_[0-9_]*|(?::[0-5]?[0-9])+)(?:\.[0-9_]*)?$`)
)

// Reading says what YAML makes of a plain value where an author may have meant
// something else, or "".
func Reading(n *Node) string {
	switch {
	case n == nil || n.Kind != Scalar || n.Style != PlainStyle:
		return ""
	case n.Tag == Int || n.Tag == Float:
		if v := literal(n); !fits(v) {
			return fmt.Sprintf("YAML reads %s as a number, and none that fits 64 bits; if it is text, quote it.", short(n.Text.Value))
		}
		fallthrough
	case n.Tag != Str:
		return fmt.Sprintf("YAML reads %s as %s; if it is text, quote it.", n.Text.Value, nodeName(n))
	}
	return ambiguous(n)
}

// ambiguous is the remedy for a plain word that YAML 1.1 read otherwise.
func ambiguous(n *Node) string {
	if n.Style != PlainStyle {
		return ""
	}
	switch s := n.Text.Value; {
	case oldBool.MatchString(s):
		return "`" + s + "` is a string here; a boolean is true or false."
	case oldNumber.MatchString(s):
		return "`" + s + "` is a string here; write numbers in plain digits."
	}
	return ""
}

func nodeName(n *Node) string {
	switch n.Kind {
	case Mapping:
		return "a mapping"
	case Sequence:
		return "a list"
	case Null:
		return "empty"
	}
	return []string{"a string", "an integer", "a decimal number", "a boolean"}[n.Tag]
}

// Describe says what a shape accepts, for findings and the reference.
func Describe(s *spec.Shape) string {
	switch s.Form {
	case spec.String, spec.Ident:
		if len(s.Enum) > 0 {
			return "one of " + strings.Join(s.Enum, ", ")
		}
		if s.Form == spec.Ident {
			return "a name"
		}
		return "a string"
	case spec.OneOf:
		var words []string
		for _, a := range s.Alts {
			words = append(words, Describe(a))
		}
		return strings.Join(words, " or ")
	case spec.List:
		return "a list"
	case spec.Ref, spec.Object, spec.Union:
		return "a mapping"
	}
	return map[spec.Form]string{spec.Template: "a text", spec.Expr: "an expression", spec.Script: "a script", spec.Int: "an integer",
		spec.Number: "a number", spec.Bool: "true or false", spec.Duration: "a duration such as 30s", spec.Size: "a size such as 64KiB",
		spec.Any: "any value", spec.Tree: "any value", spec.Value: "a value", spec.Map: "a mapping of names"}[s.Form]
}

func quoteFlow(n *Node) string {
	if n.Tag == Str && strings.ContainsAny(n.Text.Value, ",[]{}:#\"'") {
		return strconv.Quote(n.Text.Value)
	}
	return n.Text.Value
}

// short keeps a value from filling a message.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
