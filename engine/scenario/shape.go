package scenario

import (
	"slices"

	"runbook/engine/kind"
	"runbook/engine/spec"
)

// Outcomes are the ways in which a run can end.
var Outcomes = []string{"resolved", "mitigated", "escalated", "no_action", "failed", "completed", "cancelled", "paused"}

// Verdicts are the words for how a step can end.
var Verdicts = []string{"passed", "failed", "error", "skipped"}

// The forms that recur.
var (
	aString    = &spec.Shape{Form: spec.String}
	anything   = &spec.Shape{Form: spec.Any}
	aDuration  = &spec.Shape{Form: spec.Duration}
	aCount     = &spec.Shape{Form: spec.Int, Min: 1, Max: 1_000_000}
	someTexts  = mapOf(aString)
	someValues = mapOf(anything)
)

func mapOf(s *spec.Shape) *spec.Shape { return &spec.Shape{Form: spec.Map, Elem: s} }

func listOf(s *spec.Shape) *spec.Shape { return &spec.Shape{Form: spec.List, Elem: s} }

func object(fields ...spec.Field) *spec.Shape { return &spec.Shape{Form: spec.Object, Fields: fields} }

func either(alts ...*spec.Shape) *spec.Shape { return &spec.Shape{Form: spec.OneOf, Alts: alts} }

func oneOrList(s *spec.Shape) *spec.Shape {
	return either(s, &spec.Shape{Form: spec.List, Elem: s, Min: 1})
}

// orNull is a form beside which null is taken, which removes what is inherited.
func orNull(s *spec.Shape) *spec.Shape {
	c := *s
	c.Null = true
	return &c
}

func field(key string, s *spec.Shape, doc string) spec.Field {
	return spec.Field{Key: key, Shape: s, Doc: doc}
}

func needed(key string, s *spec.Shape, doc, example string) spec.Field {
	return spec.Field{Key: key, Shape: s, Doc: doc, Example: example, Required: true}
}

// times bounds how often a stub answers.
var times = field("times", aCount, "How often it answers; the call after that is one that nothing answers. Without it, the last reply is given again and again.")

// Shape is the structure of a scenario file. The kinds are those of the program.
func Shape(kinds ...kind.Kind) *spec.Shape {
	scenario := object(
		field("extends", aString, "The scenario of which this one is a variation: its mappings are merged with these, and its stubs come after these; null removes a key."),
		field("title", aString, "What has happened in this world."),
		field("start", momentShape(), "When it begins, on the simulated clock."),
		field("inputs", someValues, "The run's inputs."), field("secrets", mapOf(orNull(aString)), "The run's secrets; each at least 8 bytes long."),
		field("http", listOf(httpShape()), "Stubs of servers; the first that fits a request answers it."),
		field("shell", listOf(shellShape()), "Stubs of programs; the first that fits a command answers it."),
		field("results", listOf(resultShape()), "What steps come back with, whatever their kind; these go before all other stubs."),
		field("answers", mapOf(orNull(answerShape())), "What people say, by step; STEP>undo is for the offer to undo it."),
		field("cancel", cancelShape(), "Somebody presses Ctrl-C when this step begins for the first time."),
		field("expect", expectShape(), "What must come of it."))
	for _, k := range stubbed(kinds) {
		scenario.Fields = append(scenario.Fields, field(k.Name, stubShape(k), "Stubs of the kind `"+k.Name+"`; the first that fits a call answers it."))
	}
	return object(needed("runbook", aString, "The runbook's file, beside this one.", "payments.yaml"),
		needed("scenarios", &spec.Shape{Form: spec.Map, Elem: scenario, Min: 1}, "The worlds, by name.", ""))
}

// own are the keys of a scenario that no kind can have.
var own = []string{"extends", "title", "start", "inputs", "secrets", "http", "shell", "results", "answers", "cancel", "expect"}

// stubbed are the kinds that have stubs of a form of their own.
func stubbed(kinds []kind.Kind) []*kind.Kind {
	var out []*kind.Kind
	for i := range kinds {
		if k := &kinds[i]; k.Stub != nil && !slices.Contains(own, k.Name) {
			out = append(out, k)
		}
	}
	return out
}

// matchShape is the form of what a text must be.
func matchShape(more ...spec.Field) *spec.Shape {
	return either(aString, object(append([]spec.Field{
		field("equals", aString, "The whole text."), field("contains", oneOrList(aString), "Parts that must stand in it."), field("absent", oneOrList(aString), "Parts that must not stand in it."),
		field("matches", oneOrList(aString), "Regular expressions, in Go's syntax, that it must match somewhere."),
	}, more...)...))
}

// bodyShape is the form of what a request's body must be.
func bodyShape() *spec.Shape {
	return matchShape(field("json", anything, "What it must hold as JSON: of a mapping these keys, of a list these entries in this order; others may be there."))
}

func httpShape() *spec.Shape {
	reply := object(
		field("status", &spec.Shape{Form: spec.Int, Min: 200, Max: 599}, "The status code; 200 where it is missing."), field("headers", someTexts, "Response headers."),
		field("json", anything, "The body, as JSON."), field("body", aString, "The body, as text."), field("delay", aDuration, "How long the answer takes."),
		field("drip", aDuration, "The body comes in pieces over this time."),
		field("error", &spec.Shape{Form: spec.String, Enum: Faults}, "The server does not answer, in this way; with `truncated` it does, and the body breaks off half way."))
	reply.Apart = []string{"json", "body"}
	return object(
		needed("on", aString, "The method and the URL; `*` stands for any part.", "GET https://api.example.com/v1/*"),
		field("query", someTexts, "Query parameters that the request must have; `*` stands for any part."), field("headers", someTexts, "Headers that the request must have; `*` stands for any part."),
		field("body", bodyShape(), "What the request's body must be."),
		needed("reply", oneOrList(reply), "The answer, or answers one after the other; the last is given again and again.", ""), times)
}

func shellShape() *spec.Shape {
	done := object(field("stdout", aString, "Standard output."), field("stderr", aString, "Standard error."),
		field("exit", &spec.Shape{Form: spec.Int, Max: 255}, "The exit code; 0 where it is missing."),
		field("signal", &spec.Shape{Form: spec.String, Enum: signalNames()}, "The signal that ends it, which gives the exit code 128 and its number."),
		field("delay", aDuration, "How long it takes."))
	done.Apart = []string{"exit", "signal"}
	shell := object(append([]spec.Field{
		needed("on", aString, "The words that argv must begin with; `*` stands for one word or part of one, and one with spaces stands between quotes.", "kubectl get pods"),
		field("stdin", bodyShape(), "What standard input must be."), field("reply", oneOrList(done), "What it does, or does one time after the other, in place of the keys beside."), times,
	}, done.Fields...)...)
	shell.Apart = done.Apart
	return shell
}

func resultShape() *spec.Shape {
	reply := object(field("error", either(aString, object(needed("kind", aString, "The word of the error.", ""), field("message", aString, "What it says."))), "It comes back with this error."),
		field("delay", aDuration, "How long it takes."))
	reply.Elem = anything
	return object(
		needed("on", aString, "The step's id, or the key of an attempt of it, in which `*` stands for any part. One for its key goes before one for its id.", "api"),
		needed("reply", oneOrList(reply), "The native results of the step's kind, or one time after the other; the last is given again and again.", ""), times)
}

func answerShape() *spec.Shape {
	long := object(field("answer", aString, "The choice."), field("values", someValues, "The values, by field."),
		field("after", aDuration, "How long the person takes."), field("by", aString, "Who it is."))
	long.Doc = "Any other key is a field, and its value."
	long.Elem = anything
	one := either(aString, long)
	return either(aString, long, &spec.Shape{Form: spec.List, Elem: one, Min: 1})
}

func cancelShape() *spec.Shape {
	return orNull(either(aString, object(needed("step", aString, "The step's id; RUN/STEP in another runbook.", "restart"),
		field("after", aDuration, "How long after the step began."))))
}

func expectShape() *spec.Shape {
	word := func(words []string) *spec.Shape { return &spec.Shape{Form: spec.String, Enum: words} }
	nulls := func(s *spec.Shape) *spec.Shape { return orNull(mapOf(orNull(s))) }
	bounds := object(field("min", aDuration, "The least."), field("max", aDuration, "The most."))
	bounds.Some = []string{"min", "max"}
	times := object(field("min", &spec.Shape{Form: spec.Int}, "The least."), field("max", &spec.Shape{Form: spec.Int}, "The most."))
	times.Some = []string{"min", "max"}
	call := object(needed("on", aString, "The call as a stub's `on` says it: a method and a URL, the words of a command, or a kind's line.", "kubectl rollout restart *"),
		field("times", either(&spec.Shape{Form: spec.Int}, times), "How often it must be made; 0 is never. Without it, at least once."),
		field("body", bodyShape(), "What the request's body, or standard input, must be; calls with another one do not count."))
	lasted := object(field("min", orNull(aDuration), "The least that the whole run may take."), field("max", orNull(aDuration), "The most that the whole run may take."))
	lasted.Elem = orNull(bounds)
	return object(
		field("outcome", orNull(word(Outcomes)), "How the run must end."),
		field("decisions", nulls(aString), "The branches that must be taken, by decision."), field("verdicts", nulls(word(Verdicts)), "The verdicts that steps must have."),
		field("facts", orNull(someValues), "The values that facts must have at the end."), field("outputs", orNull(someValues), "The values that the runbook's outputs must have."),
		field("evidence", orNull(someValues), "The values that were kept as evidence, by STEP.NAME."),
		field("messages", nulls(matchShape()), "What messages must say, by step; `absent` where they must not be sent."),
		field("calls", orNull(listOf(call)), "What must have been called, and how often."),
		field("order", orNull(listOf(aString)), "Calls that must have been made in this order; others may stand between."),
		field("duration", orNull(lasted), "How long the run may take; by step, how long a step may."))
}
