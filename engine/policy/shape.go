package policy

import (
	"runbook/engine/spec"
	"runbook/engine/syntax"
)

// Methods are the HTTP methods that approval can be demanded for.
var Methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

var (
	aString  = &spec.Shape{Form: spec.String}
	someText = &spec.Shape{Form: spec.List, Elem: aString}
	several  = oneOrMore(aString)
)

func oneOrMore(s *spec.Shape) *spec.Shape {
	return &spec.Shape{Form: spec.OneOf, Alts: []*spec.Shape{s, {Form: spec.List, Elem: s, Min: 1}}}
}

func object(fields ...spec.Field) *spec.Shape { return &spec.Shape{Form: spec.Object, Fields: fields} }

func field(key string, s *spec.Shape, doc, example string) spec.Field {
	return spec.Field{Key: key, Shape: s, Doc: doc, Example: example}
}

func needed(key string, s *spec.Shape, doc, example string) spec.Field {
	return spec.Field{Key: key, Shape: s, Doc: doc, Example: example, Required: true}
}

// Shape is the structure of a policy file.
func Shape() *spec.Shape {
	permissions := object(
		field("observe", someText, "Programs that checks may run: the words that argv must begin with; `*` stands for one word or part of one.", "[kubectl get]"),
		field("act", someText, "Programs that actions may run besides.", "[kubectl rollout restart]"),
		field("hosts", someText, "Hosts that may be asked, and that messages may go to: a host, or `*.suffix`.", `["*.example.com"]`),
		field("env", someText, "Dangerous environment variables (PATH, LD_*, pagers) that scripts may set.", ""),
		field("files", object(field("read", someText, "Files, folders and patterns that may be read.", ""), field("write", someText, "Files and folders that may be written.", "")), "What the embedded shell itself and the kinds `file` and `sql` may open.", ""),
	)
	deny := object(
		field("run", several, "Programs: words that stand in the command in this order, whatever stands between; the first is the program, `*` is any.", "kubectl delete"),
		field("hosts", several, "Hosts, of messages too: a host, or `*.suffix`; an address is also one that a name leads to.", "169.254.169.254"),
		field("read", several, "Files, folders and patterns that may not be read.", "/etc/shadow"),
		field("write", several, "Files, folders and patterns that may not be written.", "/etc"),
		field("reason", aString, "Why, for whoever meets it.", "Ask the platform team"),
	)
	deny.Some = []string{"run", "hosts", "read", "write"}
	always := field("always", &spec.Shape{Form: spec.Bool}, "Whether it is asked even where `--yes` approves everything.", "")
	always.Default = "false"
	count := field("count", &spec.Shape{Form: spec.Int, Min: 1, Max: 20}, "How many different people have to approve.", "")
	count.Default = "1"
	approve := object(
		deny.Fields[0],
		field("hosts", several, "Hosts at which an action does something; with `methods`, at which any step sends such a request.", `"*.prod.example.com"`),
		field("methods", oneOrMore(&spec.Shape{Form: spec.String, Enum: Methods}), "Methods of requests; without `hosts`, to every host.", "[DELETE]"),
		field("by", &spec.Shape{Form: spec.List, Elem: aString, Min: 1}, "Who may approve; everybody where it is missing.", "[ada, grace]"),
		count,
		field("timeout", &spec.Shape{Form: spec.Duration}, "How long they have; no answer by then is a refusal.", "30m"),
		always,
		field("retype", aString, "What has to be typed exactly to approve.", "production"),
		field("reason", aString, "Why, for whoever is asked.", "Two people for what acts on production"),
	)
	approve.Some = []string{"run", "hosts", "methods"}
	s := object(
		needed("apiVersion", &spec.Shape{Form: spec.String, Enum: []string{syntax.APIVersion}}, "The version of the language.", syntax.APIVersion),
		needed("policy", &spec.Shape{Form: spec.Ident}, "The policy's name, which makes the file a policy.", "on-call"),
		field("title", aString, "What it is for, in a line.", ""),
		field("description", aString, "What one should know of it.", ""),
		field("permissions", permissions, "The most that any runbook may do, in the words of a runbook. A list that is left out narrows nothing; an empty one permits nothing.", ""),
		field("deny", &spec.Shape{Form: spec.List, Elem: deny}, "What no runbook may do, whatever else permits it.", ""),
		field("approve", &spec.Shape{Form: spec.List, Elem: approve}, "What a person has to approve, though the runbook has no `confirm`.", ""),
	)
	s.Name = "policy"
	return s
}
