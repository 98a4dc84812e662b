package syntax

import "runbook/engine/spec"

// Language is the structure of a runbook file: what Check holds files against,
// and what the schema and the reference are drawn from.
type Language struct {
	Runbook *spec.Shape
	Kinds   []spec.Field // the keys of checks and actions that say what is done
	named   map[string]*spec.Shape
}

// Resolve finds the shape that a spec.Ref names.
func (l *Language) Resolve(name string) *spec.Shape { return l.named[name] }

// APIVersion is the version of the language: what `apiVersion` says.
const APIVersion = "runbook/v1"

// The words of the language that several places use.
var (
	// Outcomes are what an `end` may say.
	Outcomes = []string{"resolved", "mitigated", "escalated", "no_action", "failed"}
	// TypeNames are the types that a declaration may have.
	TypeNames = []string{"string", "int", "number", "bool", "duration", "time", "url", "list", "object"}
	// Roles are the role keys of steps.
	Roles = []string{"check", "action", "decide", "manual", "message", "group", "parallel", "each", "run", "end"}
)

// The small shapes.
var (
	str       = &spec.Shape{Form: spec.String}
	ident     = &spec.Shape{Form: spec.Ident}
	text      = &spec.Shape{Form: spec.Template}
	condition = &spec.Shape{Form: spec.Expr}
	boolean   = &spec.Shape{Form: spec.Bool}
	duration  = &spec.Shape{Form: spec.Duration}
	anything  = &spec.Shape{Form: spec.Any}
	setting   = &spec.Shape{Form: spec.Value}
	steps     = &spec.Shape{Form: spec.List, Elem: ref("step"), Min: 1}
)

func ref(name string) *spec.Shape { return &spec.Shape{Form: spec.Ref, Name: name} }

func list(elem *spec.Shape) *spec.Shape { return &spec.Shape{Form: spec.List, Elem: elem} }

func words(w ...string) *spec.Shape { return &spec.Shape{Form: spec.String, Enum: w} }

// named is a mapping from names to values.
func named(elem *spec.Shape) *spec.Shape {
	return &spec.Shape{Form: spec.Map, Elem: elem, Pattern: spec.IdentPattern}
}

func oneOf(alts ...*spec.Shape) *spec.Shape { return &spec.Shape{Form: spec.OneOf, Alts: alts} }

func object(fields ...spec.Field) *spec.Shape {
	return &spec.Shape{Form: spec.Object, Fields: fields}
}

func field(key string, s *spec.Shape, doc string) spec.Field {
	return spec.Field{Key: key, Shape: s, Doc: doc}
}

// called gives a shape a name of its own in the schema.
func called(name string, s *spec.Shape) *spec.Shape { s.Name = name; return s }

func required(f spec.Field) spec.Field { f.Required = true; return f }

func example(f spec.Field, text string) spec.Field { f.Example = text; return f }

func standard(f spec.Field, text string) spec.Field { f.Default = text; return f }

// NewLanguage is the language with the given kinds as keys of checks and actions.
func NewLanguage(kinds []spec.Field) *Language {
	l := &Language{Kinds: kinds, named: map[string]*spec.Shape{}}
	for name, s := range map[string]*spec.Shape{"step": stepShape(kinds), "branch": branchShape(true), "else": branchShape(false), "verify": verifyShape(kinds)} {
		s.Name = name
		l.named[name] = s
	}
	l.Runbook = runbookShape()
	return l
}

func runbookShape() *spec.Shape {
	s := object(
		required(example(field("apiVersion", words(APIVersion), "The version of this language."), APIVersion)),
		required(example(field("name", ident, "The runbook's name: what `runbook run NAME` finds."), "payments")),
		example(field("title", str, "What it is for, in a line."), "Payments incident response"),
		field("description", str, "What one should know before running it."),
		example(field("version", str, "The author's own version."), "1.0.0"),
		example(field("triggers", list(str), "Phrases by which people look for it."), "[payments down]"),
		example(field("tags", list(str), "Words to group runbooks by."), "[saas]"),
		field("links", links(), "Places to look, for people."),
		field("permissions", permissionsShape(), "All that this file may do. What is not listed is not permitted; `validate` checks it and the run enforces it."),
		field("requires", requiresShape(), "What must be there before the first step."),
		field("inputs", named(declaration(false)), "What the run is given, by name."),
		field("secrets", named(secretShape()), "What must not be seen, by name. Secrets are fetched when they are first needed, and masked in whatever leaves the engine."),
		field("channels", named(ChannelShape()), "Where messages can go, by name; their templates read inputs and secrets. A channel implies the permission to send messages to its host."),
		field("facts", named(declaration(false)), "What the run finds out, by name: set by steps and branches, read by texts and expressions."),
		field("attachments", named(attachmentShape()), "Texts that manual steps show as they are, by name."),
		required(field("steps", steps, "What happens, in order.")),
		field("outputs", outputs(), "What the run gives, by name: computed when its steps have ended and the run has neither failed nor was cancelled."),
		field("procedures", named(procedureShape()), "Lists of steps with a name, for branches and `run`."),
		field("finally", steps, "Steps that run whatever happened, with `run.outcome` known."),
	)
	s.Name = "runbook"
	return s
}

func requiresShape() *spec.Shape {
	conditional := called("requirement", object(
		required(example(field("name", str, "The program."), "docker")),
		example(field("if", condition, "When it is needed: an expression over inputs; always where it is missing."), "inputs.local"),
	))
	return object(example(field("commands", list(oneOf(str, conditional)), "Programs that must be installed; verified before the first step."), "[aws, {name: docker, if: inputs.local}]"))
}

func links() *spec.Shape {
	return list(called("link", object(required(example(field("title", str, "What is there."), "Status page")), required(example(field("url", text, "Where it is."), "https://status.example.com")))))
}

func permissionsShape() *spec.Shape {
	return object(
		example(field("observe", list(str), "Programs that checks may run: the words that argv must begin with; `*` stands for one word or part of one."), "[kubectl get]"),
		example(field("act", list(str), "Programs that actions may run besides."), "[kubectl rollout restart]"),
		example(field("hosts", list(text), "Hosts that may be asked: a host, `*.suffix`, or a template over inputs. An empty one permits nothing."), "[api.example.com]"),
		field("env", list(str), "Dangerous environment variables (PATH, LD_*, pagers) that scripts may set."),
		field("files", object(field("read", list(str), "Files, folders and patterns (`/var/log/*.log`) that the embedded shell may read, and the kind `file` look at."), field("write", list(str), "Files and folders that the embedded shell may write.")),
			"What the embedded shell itself may open, look at and list; it does not bind the programs it starts."),
	)
}

func secretShape() *spec.Shape {
	s := object(
		example(field("env", str, "The environment variable that holds it."), "API_TOKEN"),
		field("file", str, "The file that holds it."),
		field("command", list(str), "The program that prints it."),
		standard(field("optional", boolean, "Whether the run can do without; `.present` tells."), "false"),
		field("description", str, "What it is, for people."),
	)
	s.One = []string{"env", "file", "command"}
	return s
}

// declaration is a typed name: an input, a fact, a value to collect.
func declaration(collected bool) *spec.Shape {
	s := called("declaration", object(
		standard(field("type", words(TypeNames...), "The type."), "string"),
		standard(field("of", words(TypeNames[:7]...), "The type of a list's entries."), "string"),
		field("enum", &spec.Shape{Form: spec.List, Elem: anything, Min: 1}, "The only values it may have."),
		field("pattern", str, "A regular expression (RE2) that a string must match."),
		field("min", anything, "The least value; of a string or list, the least length."),
		field("max", anything, "The greatest value; of a string or list, the greatest length."),
		field("default", anything, "The value where none is given."),
		field("required", boolean, "Whether it must be given; it must where there is no default."),
		field("description", str, "What it is, for people."),
	))
	if collected {
		s.Name = "collected"
		s.Fields = append(s.Fields, standard(field("secret", boolean, "Whether it must not be seen: typed without echo, masked everywhere."), "false"),
			field("replaces", ident, "The declared secret that this one replaces from here on."), options())
	}
	return s
}

func procedureShape() *spec.Shape {
	return called("procedure", object(
		field("title", text, "What it does, in a line."),
		field("inputs", named(declaration(false)), "What it is given."),
		field("outputs", outputs(), "What the caller sees of it."),
		field("facts", named(setting), "Facts that are set when it begins."),
		field("escalation", text, "Whom to turn to when it does not help."),
		required(field("steps", steps, "What happens, in order. These steps are private to the procedure.")),
	))
}

// call names a procedure, with inputs or without.
func call() *spec.Shape {
	return called("call", oneOf(ident, object(required(field("procedure", ident, "The procedure.")), field("inputs", named(setting), "Its inputs."))))
}

// branchShape is a way out of a decision: one with a condition, or the `else`.
func branchShape(conditional bool) *spec.Shape {
	s := object(
		field("id", ident, "The branch's name; that of its procedure where it has `then`."),
		field("title", text, "What it means, in a line."),
	)
	if conditional {
		s.Fields = append(s.Fields, required(example(field("when", condition, "When it is taken."), "steps.api.status == 401")))
	}
	s.Fields = append(s.Fields,
		field("facts", named(setting), "Facts that are set when it is taken."),
		field("then", call(), "The procedure to run."),
		field("steps", steps, "The steps to run."),
	)
	s.Doc = "A branch without `then` needs an `id`: the journal and the scenarios call it by that name."
	s.Some, s.Apart = []string{"id", "then"}, []string{"then", "steps"}
	return s
}
