package syntax

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"runbook/engine/source"
	"runbook/engine/spec"
)

// Resolver finds the shape that a spec.Ref names.
type Resolver func(name string) *spec.Shape

// Check holds a tree against a shape and reports every difference.
func Check(n *Node, shape *spec.Shape, refs Resolver, report source.Report) {
	c := &checker{refs: refs, report: report}
	c.value(n, shape, "the file")
	n.settle()
}

type checker struct {
	refs   Resolver
	report source.Report
}

// add reports what is wrong with a value, or in a mapping with a key of it.
func (c *checker) add(n *Node, code string, at source.Span, summary, detail string, related ...source.Note) {
	n.Reported = true
	c.report(source.Diagnostic{Code: code, Span: at, Summary: summary, Detail: detail, Related: related})
}

// value holds one value against its shape; what names it in findings.
func (c *checker) value(n *Node, s *spec.Shape, what string) {
	if s.Form == spec.Ref {
		s = c.refs(s.Name)
	}
	if n.Reported && n.Kind != Mapping && n.Kind != Sequence {
		return
	}
	if n.Kind == Null && s.Null {
		return
	}
	if n.Kind == Null && s.Form != spec.Any && s.Form != spec.Tree && s.Form != spec.Value {
		c.add(n, "empty-value", n.Span, what+" has no value", "Remove the key, or give it "+Describe(s)+".")
		return
	}
	switch s.Form {
	case spec.Any, spec.Tree, spec.Value:
		c.octals(n)
	case spec.Object:
		c.object(n, s, what, "")
	case spec.Union:
		c.union(n, s, what)
	case spec.Map:
		c.mapOf(n, s, what)
	case spec.List:
		c.list(n, s, what)
	case spec.OneOf:
		c.oneOf(n, s, what)
	default:
		c.scalar(n, s, what)
	}
}

// oneOf takes the first alternative whose YAML shape fits.
func (c *checker) oneOf(n *Node, s *spec.Shape, what string) {
	for _, a := range s.Alts {
		if c.fits(n, a) {
			c.value(n, a, what)
			return
		}
	}
	c.wrong(n, s, what)
}

// Fits reports whether a value has the YAML shape that a OneOf chooses by.
func Fits(n *Node, s *spec.Shape, refs Resolver) bool { return (&checker{refs: refs}).fits(n, s) }

// fits reports whether a value has the YAML shape (and, for scalars, the type)
// that an alternative wants.
func (c *checker) fits(n *Node, s *spec.Shape) bool {
	if s.Form == spec.Ref {
		s = c.refs(s.Name)
	}
	switch s.Form {
	case spec.Object, spec.Map, spec.Union:
		return n.Kind == Mapping
	case spec.List:
		return n.Kind == Sequence
	case spec.Any, spec.Tree, spec.Value:
		return true
	case spec.OneOf:
		return slices.ContainsFunc(s.Alts, func(a *spec.Shape) bool { return c.fits(n, a) })
	}
	return n.Kind == Scalar && scalarFits(n, s)
}

// scalarFits reports whether a scalar has the type that a form wants.
func scalarFits(n *Node, s *spec.Shape) bool {
	switch s.Form {
	case spec.Int:
		return n.Tag == Int
	case spec.Number:
		return n.Tag == Int || n.Tag == Float
	case spec.Bool:
		return n.Tag == Bool
	case spec.Expr:
		return true
	case spec.Size:
		return n.Tag == Int || n.Tag == Str
	case spec.Template:
		return n.Tag == Str || s.Loose
	}
	return n.Tag == Str
}

func (c *checker) list(n *Node, s *spec.Shape, what string) {
	if n.Kind != Sequence {
		detail := "Write `- ` before each entry, or [ ] around them."
		if n.Kind == Scalar && n.Text.Value != "" {
			detail = fmt.Sprintf("Write a list: [%s].", short(quoteFlow(n)))
		}
		c.add(n, "wrong-type", n.Span, fmt.Sprintf("%s is %s, not a list", what, nodeName(n)), detail)
		return
	}
	c.counts(n, s, len(n.Items), what)
	for i, item := range n.Items {
		c.value(item, s.Elem, fmt.Sprintf("entry %d of %s", i+1, what))
	}
}

func (c *checker) counts(n *Node, s *spec.Shape, have int, what string) {
	if have < s.Min {
		c.add(n, "too-few", n.Span, what+" is empty", fmt.Sprintf("It needs at least %d.", s.Min))
	}
	if s.Max > 0 && have > s.Max {
		c.add(n, "too-many", n.Span, fmt.Sprintf("%s has %d entries", what, have), fmt.Sprintf("At most %d are allowed.", s.Max))
	}
}

func (c *checker) mapOf(n *Node, s *spec.Shape, what string) {
	if n.Kind != Mapping {
		c.wrong(n, s, what)
		return
	}
	c.counts(n, s, len(n.Entries), what)
	for _, e := range n.Entries {
		if s.Pattern != "" && !match(s.Pattern, e.Key.Value) {
			c.add(n, "bad-name", e.Key.Span, fmt.Sprintf("`%s` cannot be a name in %s", short(e.Key.Value), what), nameRule)
		}
		c.value(e.Value, s.Elem, fmt.Sprintf("`%s`", e.Key.Value))
	}
}

const nameRule = "A name begins with a letter and holds letters, digits, `_` and `-`, at most 64."

func match(pattern, s string) bool {
	if pattern == spec.IdentPattern {
		return spec.IsIdent(s)
	}
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(s)
}

// object holds a mapping against its fields. Tag is the union's key that chose
// the shape, or "".
func (c *checker) object(n *Node, s *spec.Shape, what, tag string, others ...*spec.Shape) {
	if n.Kind != Mapping {
		c.wrong(n, s, what)
		return
	}
	var strange []string // keys that the mapping does not have
	for _, e := range n.Entries {
		f, ok := s.Field(e.Key.Value)
		switch {
		case ok:
			c.value(e.Value, f.Shape, "`"+e.Key.Value+"`")
		case strings.HasPrefix(e.Key.Value, "x-"):
		case s.Elem != nil:
			c.value(e.Value, s.Elem, "`"+e.Key.Value+"`")
		default:
			strange = append(strange, e.Key.Value)
			c.unknown(n, e, s, what, tag, others)
		}
	}
	for _, f := range s.Fields {
		if f.Required && n.Get(f.Key) == nil && !meant(strange, f.Key) {
			c.add(n, "missing-key", keySpan(n, tag), fmt.Sprintf("%s needs `%s`", what, f.Key), fieldHelp(f))
		}
	}
	c.together(n, s, what, tag, len(strange) > 0)
}

// meant reports whether one of the keys that were reported is probably this one,
// misspelt.
func meant(strange []string, key string) bool {
	return slices.ContainsFunc(strange, func(s string) bool { return source.Suggest(s, []string{key}) != "" })
}

func fieldHelp(f spec.Field) string {
	help := "Add `" + f.Key + "`. " + f.Doc
	if len(f.Shape.Enum) > 0 {
		help += " It is one of `" + strings.Join(f.Shape.Enum, "`, `") + "`."
	}
	if f.Example != "" {
		help += " For example `" + f.Key + ": " + f.Example + "`."
	}
	return help
}

// keySpan is where a finding about a whole mapping points: its tag key, or its
// first.
func keySpan(n *Node, tag string) source.Span {
	if k, ok := n.Key(tag); ok && tag != "" {
		return k.Span
	}
	if len(n.Entries) > 0 {
		return n.Entries[0].Key.Span
	}
	return n.Span
}

// together holds a mapping against the rules on which keys go together. A strange
// key, which was reported, may be the one that is missing.
func (c *checker) together(n *Node, s *spec.Shape, what, tag string, strange bool) {
	if !strange && len(s.One) > 0 && len(those(n, s.One)) == 0 {
		c.add(n, "one-of", keySpan(n, tag), fmt.Sprintf("%s needs one of %s", what, quoted(s.One)), "Add exactly one of them.")
	}
	if !strange && len(s.Some) > 0 && len(those(n, s.Some)) == 0 {
		c.add(n, "one-of", keySpan(n, tag), fmt.Sprintf("%s needs one of %s", what, quoted(s.Some)), strings.TrimSpace("Add one of them. "+s.Doc))
	}
	for _, keys := range [][]string{s.One, s.Apart} {
		if have := those(n, keys); len(have) > 1 {
			c.add(n, "one-of", have[1].Span, fmt.Sprintf("`%s` and `%s` exclude each other", have[0].Value, have[1].Value), "Keep one of them.",
				source.Note{Span: have[0].Span, Text: "the first one"})
		}
	}
}

// those are the given keys that a mapping has.
func those(n *Node, keys []string) []source.Text {
	var have []source.Text
	for _, e := range n.Entries {
		if slices.Contains(keys, e.Key.Value) {
			have = append(have, e.Key)
		}
	}
	return have
}

func quoted(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// unknown reports a key that a mapping does not have: misspelt, or at home in
// another variant of a union.
func (c *checker) unknown(n *Node, e Entry, s *spec.Shape, what, tag string, others []*spec.Shape) {
	key := e.Key.Value
	var homes []string
	for _, o := range others {
		if _, ok := o.Field(key); ok {
			homes = append(homes, o.Tag)
		}
	}
	if len(homes) > 0 {
		c.add(n, "misplaced-key", e.Key.Span, fmt.Sprintf("`%s` means nothing on `%s`", key, tag), fmt.Sprintf("It belongs to %s.", quoted(homes)))
		return
	}
	names := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = f.Key
	}
	detail := "It takes " + quoted(names) + "; keys that begin with `x-` are your own."
	if near := source.Suggest(key, names); near != "" {
		detail = fmt.Sprintf("Did you mean `%s`?", near)
	}
	c.add(n, "unknown-key", e.Key.Span, fmt.Sprintf("%s has no key `%s`", what, short(key)), detail)
}

// union chooses the variant by its tag key.
func (c *checker) union(n *Node, s *spec.Shape, what string) {
	if n.Kind != Mapping {
		c.wrong(n, s, what)
		return
	}
	var tags []source.Text
	for _, e := range n.Entries {
		if s.Variant(e.Key.Value) != nil {
			tags = append(tags, e.Key)
		}
	}
	switch len(tags) {
	case 1:
		v := s.Variant(tags[0].Value)
		c.object(n, v, "`"+v.Tag+"`", v.Tag, s.Alts...)
	case 0:
		c.noTag(n, s, what)
	default:
		c.add(n, "one-of", tags[1].Span, fmt.Sprintf("`%s` and `%s` in one mapping: it can be one only", tags[0].Value, tags[1].Value),
			"Make two entries of it.", source.Note{Span: tags[0].Span, Text: "the first one"})
	}
}

func (c *checker) noTag(n *Node, s *spec.Shape, what string) {
	tags := make([]string, len(s.Alts))
	for i, a := range s.Alts {
		tags[i] = a.Tag
	}
	for _, e := range n.Entries {
		if near := source.Suggest(e.Key.Value, tags); near != "" {
			c.add(n, "unknown-key", e.Key.Span, fmt.Sprintf("%s has no key `%s`", what, e.Key.Value), fmt.Sprintf("Did you mean `%s`?", near))
			return
		}
	}
	c.add(n, "one-of", keySpan(n, ""), fmt.Sprintf("%s needs one of %s", what, quoted(tags)), s.Doc)
}

// scalar holds a single value against its form.
func (c *checker) scalar(n *Node, s *spec.Shape, what string) {
	if n.Kind != Scalar || !scalarFits(n, s) {
		if s.Form == spec.Duration && n.Kind == Scalar {
			_, err := spec.ParseDuration(n.Text.Value)
			c.add(n, "wrong-type", n.Span, what+" is not a duration", errDetail(err))
			return
		}
		c.wrong(n, s, what)
		return
	}
	text := n.Text.Value
	var err error
	switch s.Form {
	case spec.Duration:
		_, err = spec.ParseDuration(text)
	case spec.Size:
		c.octals(n)
		if _, ok := literal(n).(int); n.Tag == Str || !ok {
			_, err = spec.ParseSize(text)
		} else {
			c.intRange(n, &spec.Shape{Max: spec.MaxSize}, what)
		}
	case spec.Number:
		c.octals(n)
		c.number(n, what)
	case spec.Expr, spec.Script:
		if strings.TrimSpace(text) == "" {
			c.add(n, "empty-value", n.Span, what+" is empty", "Give it "+Describe(s)+", or remove the key.")
			return
		}
		c.cut(n, s, what)
	case spec.Int:
		c.octals(n)
		c.intRange(n, s, what)
	case spec.Ident:
		if !spec.IsIdent(text) {
			c.add(n, "bad-name", n.Span, fmt.Sprintf("%q cannot be a name", short(text)), nameRule)
		}
	}
	if err != nil {
		c.add(n, "bad-value", n.Span, what+" has a value that cannot be read", errDetail(err))
	}
	c.words(n, s, what)
}

func errDetail(err error) string {
	if err == nil {
		return "Quote it."
	}
	return strings.ToUpper(err.Error()[:1]) + err.Error()[1:] + "."
}

// words holds a string against the enum and pattern of its shape.
func (c *checker) words(n *Node, s *spec.Shape, what string) {
	text := n.Text.Value
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		detail := "It is one of " + strings.Join(s.Enum, ", ") + "."
		if slices.Contains(s.Enum, "") {
			detail = "It is empty, or" + strings.TrimPrefix(strings.ReplaceAll(detail, " , ", " "), "It is")
		}
		if near := source.Suggest(text, s.Enum); near != "" {
			detail = fmt.Sprintf("Did you mean `%s`? ", near) + detail
		}
		c.add(n, "bad-value", n.Span, fmt.Sprintf("%s cannot be %q", what, short(text)), detail)
		return
	}
	if s.Pattern != "" && !match(s.Pattern, text) {
		detail := strings.TrimSpace("It must match " + s.Pattern + ". " + s.Doc)
		if len(s.Pattern) > readable && s.Doc != "" {
			detail = s.Doc
		}
		c.add(n, "bad-value", n.Span, fmt.Sprintf("%s cannot be %q", what, short(text)), detail)
	}
}

// readable is how long a pattern is that still tells a person something.
const readable = 60

// octals warns of numbers that older readers of YAML take for octal, where it is
// the number that counts.
func (c *checker) octals(n *Node) {
	for _, e := range n.Entries {
		c.octals(e.Value)
	}
	for _, item := range n.Items {
		c.octals(item)
	}
	digits := strings.TrimLeft(n.Text.Value, "+-")
	if n.Kind == Scalar && n.Style == PlainStyle && n.Tag == Int && len(digits) > 1 && digits[0] == '0' && digits[1] != 'x' && digits[1] != 'o' {
		c.report(source.Diagnostic{Code: "leading-zero", Severity: source.Warning, Span: n.Span, Summary: fmt.Sprintf("`%s` is the number %v here", short(n.Text.Value), literal(n)),
			Detail: "Older YAML reads a leading zero as octal. Quote it if it is text, or write the number without the zero (octal is 0o17)."})
	}
}

// number refuses what no finite number is: .inf, .nan, and what is too large.
func (c *checker) number(n *Node, what string) {
	if v := literal(n); !fits(v) {
		c.add(n, "bad-value", n.Span, fmt.Sprintf("%s cannot be %s", what, short(n.Text.Value)), "Write a number that fits 64 bits, such as 2 or 1.5.")
	}
}

func (c *checker) intRange(n *Node, s *spec.Shape, what string) {
	i, err := parseInt(n.Text.Value)
	switch {
	case err != nil:
		c.add(n, "bad-value", n.Span, what+" is too large a number", "It must fit 64 bits.")
	case i < s.Min || s.Max != 0 && i > s.Max:
		detail := fmt.Sprintf("It must be at least %d.", s.Min)
		if s.Max != 0 {
			detail = fmt.Sprintf("It must be from %d to %d.", s.Min, s.Max)
		}
		c.add(n, "bad-value", n.Span, fmt.Sprintf("%s cannot be %d", what, i), detail)
	}
}
