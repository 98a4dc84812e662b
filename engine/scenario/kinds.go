package scenario

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"runbook/engine/kind"
	"runbook/engine/source"
	"runbook/engine/spec"
	"runbook/engine/syntax"
	"runbook/engine/types"
)

// Fault is an error that a reply is: a word of the kind, and a sentence.
type Fault struct{ Kind, Message string }

// KindReply is what a call of a kind comes back with: the native results that are
// given, typed; a fault; and how long it takes.
type KindReply struct {
	Fields map[string]any
	Fault  *Fault
	Delay  time.Duration
}

// KindStub answers calls of a kind that has a form of its own for it.
type KindStub struct {
	Kind    string
	On      string            // the call in one line; * stands for any part
	With    map[string]string // options that the call must have; * stands for any part
	Replies []KindReply
	Times   int // 0 is without end
	Span    source.Span
}

// ResultStub says what the attempts of a step come back with, whatever its kind.
type ResultStub struct {
	On    string // a step's id, or the key of an attempt; * stands for any part
	Times int    // 0 is without end
	Span  source.Span

	replies []*syntax.Node // typed once the kind is known
}

// sentences are what a fault says where the scenario says nothing.
var sentences = map[string]string{
	"dns": "no such host", "connect": "connection refused", "tls": "the server does not speak TLS on this port", "protocol": "the server hung up",
	"timeout": "no complete answer in time", "canceled": "the run was cancelled", "denied": "not permitted: the scenario says so",
	"auth": "the server refuses the user or the password", "access": "the system does not let it be looked at: permission denied",
}

// Failed is a fault of a word, with a sentence for it.
func Failed(word string) *Fault {
	if s := sentences[word]; s != "" {
		return &Fault{word, s}
	}
	return &Fault{word, "the scenario says so"}
}

// words are the errors that a kind can come back with.
func words(k *kind.Kind) []string {
	out := slices.Clone(k.Errors)
	for _, w := range []string{"timeout", "canceled"} {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// stubShape is the form of a kind's stubs.
func stubShape(k *kind.Kind) *spec.Shape {
	with := mapOf(&spec.Shape{Form: spec.Template, Loose: true})
	return listOf(object(
		needed("on", aString, "The call: "+k.Stub.On+"; `*` stands for any part.", k.Stub.Example),
		field("with", with, "Options that the call must have, by name (`tls.mode`, `params[0]`); `*` stands for any part."),
		needed("reply", oneOrList(replyShape(k)), "What comes back, or one time after the other; the last is given again and again.", ""), times))
}

// replyShape is the form of what a call of a kind comes back with.
func replyShape(k *kind.Kind) *spec.Shape {
	reply := object()
	if k.Result != nil {
		for _, f := range k.Result.Fields {
			reply.Fields = append(reply.Fields, field(f.Name, shapeOf(f.Type, f.Name, 0), f.Doc))
		}
	}
	word := &spec.Shape{Form: spec.String, Enum: words(k)}
	fault := either(word, object(needed("kind", word, "The word of the error.", ""), field("message", aString, "What it says.")))
	for _, f := range []spec.Field{
		field("error", fault, "It comes back with this error, and with nothing but the results beside it."),
		field("delay", aDuration, "How long it takes."),
	} {
		if _, taken := reply.Field(f.Key); !taken {
			reply.Fields = append(reply.Fields, f)
		}
	}
	return reply
}

// momentPattern is how a time is written.
const momentPattern = `^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[-+](?:[01][0-9]|2[0-3]):[0-5][0-9])$`

func momentShape() *spec.Shape {
	return &spec.Shape{Form: spec.String, Pattern: momentPattern, Doc: "Write a time such as 2026-03-01T03:00:00Z."}
}

// maxNesting bounds how deep a type is described; kinds are foreign code.
const maxNesting = 20

// shapeOf is the form of a value of a type; of names it.
func shapeOf(t *types.Type, of string, depth int) *spec.Shape {
	if t == nil || depth > maxNesting {
		return &spec.Shape{Form: spec.Any}
	}
	s := &spec.Shape{Form: spec.Any, Null: t.Nil}
	switch t.Kind {
	case types.String:
		s.Form, s.Enum, s.Pattern = spec.String, t.Enum, t.Pattern
	case types.URL:
		s.Form = spec.String
	case types.Int:
		s.Form, s.Min, s.Max = spec.Int, -math.MaxInt32<<20, math.MaxInt32<<20
	case types.Number:
		s.Form = spec.Number
	case types.Bool:
		s.Form = spec.Bool
	case types.Duration:
		s.Form = spec.Duration
	case types.Time:
		s.Form, s.Pattern, s.Doc = spec.String, momentPattern, momentShape().Doc
	case types.List:
		s.Form, s.Elem = spec.List, shapeOf(t.Elem, of, depth+1)
	case types.Object:
		s.Form, s.Elem = spec.Map, &spec.Shape{Form: spec.Any}
		if t.Headers {
			s.Elem = &spec.Shape{Form: spec.String}
		} else if len(t.Fields) > 0 && !t.Open {
			s.Form, s.Elem = spec.Object, nil
			for _, f := range t.Fields {
				doc := f.Doc
				if doc == "" {
					doc = "A part of `" + of + "`."
				}
				s.Fields = append(s.Fields, spec.Field{Key: f.Name, Shape: shapeOf(f.Type, f.Name, depth+1), Doc: doc})
			}
		}
	}
	return s
}

// valueOf reads a value of a type, whose shape was checked.
func valueOf(n *syntax.Node, t *types.Type, report source.Report) any {
	if t == nil || n == nil || n.Kind == syntax.Null {
		return literal(n)
	}
	switch {
	case t.Kind == types.Duration && n.Kind == syntax.Scalar:
		return duration(n)
	case t.Kind == types.Time && n.Kind == syntax.Scalar:
		return moment(n, report)
	case t.Kind == types.List && n.Kind == syntax.Sequence:
		out := make([]any, len(n.Items))
		for i, item := range n.Items {
			out[i] = valueOf(item, t.Elem, report)
		}
		return out
	case t.Kind == types.Object && n.Kind == syntax.Mapping:
		out := map[string]any{}
		for _, e := range n.Entries {
			if f := t.Field(e.Key.Value); f != nil {
				out[e.Key.Value] = valueOf(e.Value, f.Type, report)
			} else if t.Open || t.Headers || len(t.Fields) == 0 {
				out[headerName(t, e.Key.Value)] = literal(e.Value)
			}
		}
		return out
	}
	return literal(n)
}

// headerName is a header's name as kinds give it: in small letters.
func headerName(t *types.Type, name string) string {
	if t.Headers {
		return strings.ToLower(name)
	}
	return name
}

func moment(n *syntax.Node, report source.Report) time.Time {
	at, err := time.Parse(time.RFC3339Nano, n.Text.Value)
	if err != nil {
		report(source.Diagnostic{Code: "bad-value", Span: n.Span, Summary: fmt.Sprintf("%q is no time", n.Text.Value), Detail: "Write one such as 2026-03-01T03:00:00Z."})
	}
	return at
}

// readReply reads what a call of a kind comes back with.
func readReply(n *syntax.Node, k *kind.Kind, report source.Report) KindReply {
	r := KindReply{Fields: map[string]any{}, Delay: duration(n.Get("delay"))}
	for _, e := range entries(n) {
		if f := k.Result.Field(e.Key.Value); f != nil {
			r.Fields[f.Name] = valueOf(e.Value, f.Type, report)
		}
	}
	if x := n.Get("error"); x != nil && k.Result.Field("error") == nil {
		r.Fault = &Fault{Kind: text(x, "kind"), Message: text(x, "message")}
		if x.Kind == syntax.Scalar {
			r.Fault.Kind = x.Text.Value
		}
		if r.Fault.Message == "" {
			r.Fault.Message = Failed(r.Fault.Kind).Message
		}
	}
	return r
}

// maxNames bounds how many names are searched for the one that was meant, and
// maxTold how many are told.
const maxNames, maxTold = 300, 20

// didYouMean is the remedy for a name that is not there.
func didYouMean(word string, have []string) string {
	have = have[:min(len(have), maxNames)]
	if near := source.Suggest(word, have); near != "" {
		return fmt.Sprintf("Did you mean `%s`?", near)
	}
	if len(have) == 0 {
		return "It has none."
	}
	if len(have) > maxTold {
		return "It has " + strings.Join(have[:maxTold], ", ") + " and more."
	}
	return "It has " + strings.Join(have, ", ") + "."
}

// folded is a text with its white space folded.
func folded(s string) string { return strings.Join(strings.Fields(s), " ") }
