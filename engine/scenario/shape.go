package scenario

import (
	"runbook/engine/kind"
	"runbook/engine/spec"
)

// Shape is the structure of a scenario file. The kinds are those of the program.
func Shape(kinds ...kind.Kind) *spec.Shape {
	str := &spec.Shape{Form: spec.String}
	loose := &spec.Shape{Form: spec.Any}
	duration := &spec.Shape{Form: spec.Duration}
	texts := &spec.Shape{Form: spec.Map, Elem: str}
	values := &spec.Shape{Form: spec.Map, Elem: loose}
	one := oneOrList
	object := func(f ...spec.Field) *spec.Shape { return &spec.Shape{Form: spec.Object, Fields: f} }
	f := func(key string, s *spec.Shape, doc string) spec.Field {
		return spec.Field{Key: key, Shape: s, Doc: doc}
	}
	required := func(x spec.Field) spec.Field { x.Required = true; return x }
	match := &spec.Shape{Form: spec.OneOf, Alts: []*spec.Shape{str, object(
		f("equals", str, "The whole text."), f("contains", one(str), "Parts that must stand in it."), f("absent", one(str), "Parts that must not stand in it."))}}
	reply := object(
		f("status", &spec.Shape{Form: spec.Int, Min: 100, Max: 599}, "The status code; 200 where it is missing."), f("headers", texts, "Response headers."),
		f("json", loose, "The body, as JSON."), f("body", str, "The body, as text."), f("delay", duration, "How long the answer takes."),
		f("error", &spec.Shape{Form: spec.String, Enum: Faults}, "The server does not answer, in this way."))
	http := object(
		required(spec.Field{Key: "on", Shape: str, Doc: "The method and the URL; `*` stands for any part.", Example: "GET https://api.example.com/v1/*"}),
		f("query", texts, "Query parameters that the request must have."), f("headers", texts, "Headers that the request must have."),
		f("body", match, "What the request's body must be."), required(f("reply", one(reply), "The answer, or answers one after the other; the last is given again and again.")))
	done := object(f("stdout", str, "Standard output."), f("stderr", str, "Standard error."), f("exit", &spec.Shape{Form: spec.Int, Max: 255}, "The exit code; 0 where it is missing."), f("delay", duration, "How long it takes."))
	shell := object(append([]spec.Field{
		required(spec.Field{Key: "on", Shape: str, Doc: "The words that argv must begin with; `*` stands for one word or part of one.", Example: "kubectl get pods"}),
		f("stdin", match, "What standard input must be."), f("reply", one(done), "What it does, or does one time after the other, in place of the keys beside."),
	}, done.Fields...)...)
	expect := object(
		f("outcome", &spec.Shape{Form: spec.String, Enum: Outcomes}, "How the run must end."),
		f("decisions", texts, "The branches that must be taken, by decision."), f("verdicts", texts, "The verdicts that steps must have."),
		f("facts", values, "The values that facts must have at the end."), f("messages", &spec.Shape{Form: spec.Map, Elem: match}, "What messages must say, by step."))
	result := object(
		required(spec.Field{Key: "on", Shape: str, Doc: "The step's id, or the key of an attempt of it, in which `*` stands for any part.", Example: "api"}),
		required(f("reply", one(values), "The native results of the step's kind, or its `error`, and a `delay`; or one time after the other, the last again and again.")))
	scenario := object(
		f("title", str, "What has happened in this world."), f("inputs", values, "The run's inputs."), f("secrets", texts, "The run's secrets; each at least 8 bytes long."),
		f("http", &spec.Shape{Form: spec.List, Elem: http}, "Stubs of servers; the first that fits a request answers it."),
		f("shell", &spec.Shape{Form: spec.List, Elem: shell}, "Stubs of programs; the first that fits a command answers it."),
		f("results", &spec.Shape{Form: spec.List, Elem: result}, "What steps come back with, whatever their kind; these go before all other stubs."),
		f("answers", values, "What people say, by step: a choice, or values by field."), f("expect", expect, "What must come of it."))
	for i := range kinds {
		k := &kinds[i]
		if _, taken := scenario.Field(k.Name); !taken && k.Stub != nil {
			scenario.Fields = append(scenario.Fields, f(k.Name, stubShape(k), "Stubs of the kind `"+k.Name+"`; the first that fits a call answers it."))
		}
	}
	return object(required(spec.Field{Key: "runbook", Shape: str, Doc: "The runbook's file, beside this one.", Example: "payments.yaml"}),
		required(f("scenarios", &spec.Shape{Form: spec.Map, Elem: scenario, Min: 1}, "The worlds, by name.")))
}

func oneOrList(s *spec.Shape) *spec.Shape {
	return &spec.Shape{Form: spec.OneOf, Alts: []*spec.Shape{s, {Form: spec.List, Elem: s, Min: 1}}}
}

// Outcomes are the ways in which a run can end.
var Outcomes = []string{"resolved", "mitigated", "escalated", "no_action", "failed", "completed", "cancelled", "paused"}
