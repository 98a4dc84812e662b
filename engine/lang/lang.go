// Package lang compiles what authors write to decide and to tell: expressions,
// templates and prepared scripts. Everything is typed against a closed Scope, and
// whatever is wrong is reported at its true place before anything runs. It is
// the only importer of expr, sprig and the shell's parser.
package lang

import (
	"slices"
	"strings"
	"unicode/utf8"

	"runbook/engine/source"
	"runbook/engine/types"
)

// Env is what an expression or a template reads while it runs: root names with
// their values. Under `steps` stand mappings with `ran`, `verdict` and, once the
// step ran, its results. A secret is a secret.Value.
type Env map[string]any

// Unknown stands for a value that only a run can give. A rehearsal puts it into
// an Env; whatever is read below it is unknown too.
type Unknown struct{ Path string }

// String is how a rehearsal shows it: ‹steps.api.status›.
func (u Unknown) String() string { return "‹" + u.Path + "›" }

// Scope is what names mean at one place of a file. Scopes are not changed once
// made; With, Without and Add copy.
type Scope struct {
	// Vars are the roots. `steps` is an Object with a field for each step, each
	// an Object with ran, verdict and Late fields.
	Vars []types.Field
	// Present are the steps that have certainly run here.
	Present map[string]bool
	// Never are the steps that cannot have run here, with the reason.
	Never map[string]string
	// Hidden are the steps and facts (steps.ID, facts.NAME) that cannot be read
	// here at all, with the reason.
	Hidden map[string]Hiding
}

// Hiding says why something cannot be read at a place, and what to do instead.
type Hiding struct{ Code, Why, Remedy string }

// Add is the scope with further root names; a name that is there is replaced.
func (s *Scope) Add(vars ...types.Field) *Scope {
	out := *s
	out.Vars = nil
	for _, v := range s.Vars {
		if indexOf(vars, v.Name) < 0 {
			out.Vars = append(out.Vars, v)
		}
	}
	out.Vars = append(out.Vars, vars...)
	return &out
}

func indexOf(vars []types.Field, name string) int {
	for i, v := range vars {
		if v.Name == name {
			return i
		}
	}
	return -1
}

// root finds a root name.
func (s *Scope) root(name string) *types.Field {
	if i := indexOf(s.Vars, name); i >= 0 {
		return &s.Vars[i]
	}
	return nil
}

// names are the root names.
func (s *Scope) names() []string {
	out := make([]string, len(s.Vars))
	for i, v := range s.Vars {
		out[i] = v.Name
	}
	return out
}

// ref is a path into the scope that something reads, with what is known of it.
type ref struct {
	path string
	typ  *types.Type
	step string // the step that a Late field belongs to, or ""
	late bool
}

// problem is what is wrong at a place of a text; the caller knows the place.
type problem struct{ code, summary, detail string }

// resolve follows a path of names through the scope.
func (s *Scope) resolve(path []string) (ref, *problem) {
	root := s.root(path[0])
	if root == nil {
		return ref{}, unknownName(path[0], "", s.names())
	}
	r := ref{path: path[0], typ: root.Type, late: root.Late}
	for i, name := range path[1:] {
		if p := r.step1(name, path[:i+1]); p != nil {
			return ref{}, p
		}
		if h, hidden := s.Hidden[r.path]; hidden {
			return ref{}, &problem{h.Code, "`" + r.path + "` cannot be read here: " + h.Why, h.Remedy}
		}
	}
	return r, nil
}

// step1 goes one name deeper.
func (r *ref) step1(name string, before []string) *problem {
	holder := strings.Join(before, ".")
	t := r.typ
	r.path += "." + name
	switch {
	case t == nil || t.Kind == types.Any:
		r.typ = nil
		return nil
	case t.Headers:
		r.typ = &types.Type{Kind: types.String, Nil: true}
		return nil
	case t.Kind == types.Secret:
		if name != "present" {
			return &problem{"secret-use", "a secret has no field `" + name + "`", "Only `" + holder + ".present` can be read of it."}
		}
		r.typ = &types.Type{Kind: types.Bool}
		return nil
	case t.Kind == types.Object:
		f := t.Field(name)
		if f == nil && t.Open {
			r.typ = nil
			return nil
		}
		if f == nil {
			return unknownName(name, holder, t.Names())
		}
		if f.Late {
			r.late = true
			if len(before) == 2 && before[0] == "steps" {
				r.step = before[1]
			}
		}
		r.typ = f.Type
		return nil
	}
	return &problem{"unknown-field", "`" + holder + "` is " + an(t) + ", it has no field `" + name + "`", "Read it as it is."}
}

func an(t *types.Type) string {
	s := t.String()
	if strings.HasPrefix(s, "one of") {
		return s
	}
	if strings.ContainsRune("aeio", rune(s[0])) {
		return "an " + s
	}
	return "a " + s
}

func unknownName(name, holder string, have []string) *problem {
	p := &problem{code: "unknown-name", summary: "unknown name `" + name + "`"}
	if holder != "" {
		p.code, p.summary = "unknown-field", "`"+holder+"` has no `"+name+"`"
	}
	switch near := source.Suggest(name, have); {
	case holder == "" && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(name)):
		p.detail = "`" + name + "` is a name here; a boolean is true or false."
	case near != "":
		p.detail = "Did you mean `" + near + "`?"
	case len(have) == 0:
		p.detail = "It has no fields here."
	default:
		if len(have) > 20 {
			have = append(have[:20:20], "...")
		}
		p.detail = "It has " + strings.Join(have, ", ") + "."
		if holder == "" {
			p.detail = "Here are known: " + strings.Join(have, ", ") + "."
		}
	}
	return p
}

// absent says what to write where a step may not have run.
func absent(s *Scope, r ref, how string) *problem {
	if why, never := s.Never[r.step]; never {
		return &problem{"never-there", "`" + r.path + "` is never there: " + why, "Read it behind the step."}
	}
	return &problem{"may-be-absent", "`" + r.path + "` may be absent: step `" + r.step + "` may not have run here", how}
}

// runeOffset turns a count of characters into one of bytes.
func runeOffset(s string, runes int) int {
	at := 0
	for ; runes > 0 && at < len(s); runes-- {
		_, n := utf8.DecodeRuneInString(s[at:])
		at += n
	}
	return at
}

// whole reports a read of all steps or all secrets at once: which of them are
// there is not the same everywhere.
func (s *Scope) whole(path []string) *problem {
	if len(path) == 1 && (path[0] == "steps" || path[0] == "secrets") && s.root(path[0]) != nil {
		return &problem{"bad-expression", "`" + path[0] + "` cannot be read as a whole", "Name what you read: `" + path[0] + ".NAME`."}
	}
	return nil
}

// Has reports whether a path leads to something in the scope.
func (s *Scope) Has(path string) bool {
	_, p := s.resolve(strings.Split(path, "."))
	return p == nil
}

// TypeOf is the type of a path into the scope, nil where it is any or does not
// exist.
func (s *Scope) TypeOf(path string) *types.Type {
	r, p := s.resolve(strings.Split(path, "."))
	if p != nil {
		return nil
	}
	return r.typ
}
