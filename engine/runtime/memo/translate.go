package memo

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/engine/guard"
	"runbook/engine/interp"
	"runbook/engine/journal"
	"runbook/engine/kind"
	"runbook/engine/kind/exec"
	"runbook/engine/lang"
	"runbook/engine/secret"
	"runbook/engine/types"
)

// Prepare puts the secrets into a call's options and makes its scripts ready for
// the guard. What it gives must not be kept.
func Prepare(options map[string]any, get secret.Lookup) (map[string]any, error) {
	v, err := prepare(options, get)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

func prepare(v any, get secret.Lookup) (any, error) {
	switch v := v.(type) {
	case lang.Bound:
		values, err := secret.Reveal(v.Values, get)
		if err != nil {
			return nil, err
		}
		list, _ := values.([]any)
		return guard.Script{Text: v.Text, Values: words(list)}, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			p, err := prepare(x, get)
			if err != nil {
				return nil, err
			}
			out[k] = p
		}
		return out, nil
	}
	return secret.Reveal(v, get)
}

// words turns the list of a hole into what the shell's parameters are.
func words(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		l, isList := v.([]any)
		if !isList {
			out[i] = types.Format(v)
			continue
		}
		texts := make([]string, len(l))
		for j, x := range l {
			texts[j] = types.Format(x)
		}
		out[i] = texts
	}
	return out
}

// Shown is a call's options as the journal keeps them: secrets masked, scripts
// with their values in place.
func Shown(options map[string]any) map[string]any {
	v, _ := show(options).(map[string]any)
	return v
}

func show(v any) any {
	switch v := v.(type) {
	case lang.Bound:
		return shownScript(v)
	case secret.Text:
		return v.String()
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = show(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = show(x)
		}
		return out
	case secret.Value:
		return secret.Mask
	}
	return types.Encode(v)
}

// holes are the places of values in a prepared script: quoted words, lists, and
// bare ones in here-documents and arithmetic.
var holes = regexp.MustCompile(`"\$\{__rb(\d+)(?:\[@\])?\}"|\$\{__rb(\d+)\}`)

// shownScript writes the values into a script's text, quoted as a shell would
// want them. A value that looks like a hole stays what it is.
func shownScript(b lang.Bound) string {
	return holes.ReplaceAllStringFunc(b.Text, func(hole string) string {
		m := holes.FindStringSubmatch(hole)
		i, err := strconv.Atoi(m[1] + m[2])
		switch {
		case err != nil || i >= len(b.Values):
			return hole
		case m[2] != "":
			return types.Format(show(b.Values[i]))
		}
		return shownWord(b.Values[i])
	})
}

func shownWord(v any) string {
	if l, ok := v.([]any); ok {
		out := make([]string, len(l))
		for i, x := range l {
			out[i] = shownWord(x)
		}
		return strings.Join(out, " ")
	}
	s := types.Format(show(v))
	if s != "" && strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// unsafe runes need quotes in a shell.
func unsafe(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,*", r))
}

// Result is what a kind came back with, as a run may see it: without its secrets.
// Late says that the scope ended meanwhile by its budget, and not by a cancel.
func Result(m *secret.Masker, got exec.Result, late bool) interp.Result {
	fields, _ := m.Take(got.Fields).(map[string]any)
	if cut, _ := got.Fields["truncated"].(bool); cut {
		for name, v := range fields {
			fields[name] = masked(m.MaskCut, v) // what was cut may end inside a secret
		}
	}
	res := interp.Result{Fields: fields, Duration: got.Duration}
	if got.Error != nil {
		res.Error = &journal.Error{Kind: got.Error.Kind, Message: m.MaskString(got.Error.Message)}
		if late && got.Error.Kind == "canceled" {
			res.Error = &journal.Error{Kind: "timeout", Message: "no complete answer in time"}
		}
	}
	return res
}

// Unprepared is the result of an attempt whose options cannot be computed.
func Unprepared(err error) interp.Result {
	return interp.Result{Fields: map[string]any{}, Error: &journal.Error{Kind: "render", Message: err.Error()}}
}

// NoChannel is the result of a message to a channel that this program does not
// know.
func NoChannel(kind string) interp.Result {
	return interp.Result{Error: &journal.Error{Kind: "refused", Message: fmt.Sprintf("this program cannot send to a channel of the kind %q", kind)}}
}

// Masked takes out of a message's options what is known to be a secret: a value of
// the run may hold one that became known only after it was read.
func Masked(m *secret.Masker, options map[string]any) map[string]any {
	out, _ := masked(m.MaskString, options).(map[string]any)
	return out
}

// masked is a tree with its texts masked; what else stands in it stays.
func masked(mask func(string) string, v any) any {
	switch v := v.(type) {
	case string:
		return mask(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = masked(mask, x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = masked(mask, x)
		}
		return out
	}
	return v
}

// Question is a question as a person may see it: what the run read before a secret
// was known may hold it. What an answer is compared with stays as it is.
func Question(m *secret.Masker, q interp.Question) interp.Question {
	q.Title, q.Text, q.Problem = m.MaskString(q.Title), m.MaskString(q.Text), m.MaskString(q.Problem)
	q.Shown = masked(m.MaskString, q.Shown)
	q.Attached = slices.Clone(q.Attached)
	for i, a := range q.Attached {
		q.Attached[i].Text = m.MaskString(a.Text)
	}
	q.Choices = slices.Clone(q.Choices)
	for i, c := range q.Choices {
		q.Choices[i].Title = m.MaskString(c.Title)
	}
	q.Fields = slices.Clone(q.Fields)
	for i, f := range q.Fields {
		q.Fields[i].Options, _ = masked(m.MaskString, f.Options).([]any)
	}
	return q
}

// Attempt is what the journal keeps of a result. Scope is what ended around the
// call meanwhile, or nil.
func Attempt(res interp.Result, scope error) journal.AttemptFinishedData {
	fields, _ := types.Encode(res.Fields).(map[string]any)
	return journal.AttemptFinishedData{Fields: fields, Error: res.Error, Duration: journal.SecondsOf(res.Duration), Ended: Word(scope)}
}

// Recall is the inverse of Attempt.
func Recall(k kind.Kind, e journal.Event) (interp.Result, error) {
	d, err := journal.Decode[journal.AttemptFinishedData](e)
	if err != nil {
		return interp.Result{}, err
	}
	res := interp.Result{Fields: map[string]any{}, Error: d.Error, Duration: d.Duration.Duration()}
	raw, err := types.DecodeJSON(e.Data)
	if err != nil {
		return res, err
	}
	data, _ := raw.(map[string]any)
	fields, _ := secret.Opaque(data["fields"]).(map[string]any)
	for name, v := range fields {
		if _, opaque := v.(secret.Value); opaque {
			res.Fields[name] = v
			continue
		}
		var t *types.Type
		if f := k.Result.Field(name); f != nil {
			t = f.Type
		}
		if t == nil {
			res.Fields[name] = v
			continue
		}
		got, err := types.Decode(t, v)
		if err != nil {
			return res, fmt.Errorf("the result %s of %s cannot be read back: %w", name, e.Key, err)
		}
		res.Fields[name] = got
	}
	return res, Scope(d.Ended, e.Key)
}

// Word is how the journal names the end of a scope.
func Word(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, interp.ErrTimeout):
		var t *interp.Timeout
		if errors.As(err, &t) {
			return "timeout " + string(t.Scope)
		}
		return "timeout"
	case errors.Is(err, interp.ErrStopped):
		return "stopped"
	case errors.Is(err, interp.ErrNobody):
		return "nobody"
	}
	return "cancelled"
}

// Scope is the inverse of Word.
func Scope(word, key string) error {
	kind, scope, _ := strings.Cut(word, " ")
	switch kind {
	case "":
		return nil
	case "timeout":
		return &interp.Timeout{Scope: interp.Key(scope)}
	case "stopped":
		return interp.ErrStopped
	case "nobody":
		return interp.ErrNobody
	}
	return interp.ErrCancelled
}

// Answered is what the journal keeps of an answer: secrets as their names.
func Answered(q interp.Question, a interp.Answer) journal.ApprovalAnsweredData {
	d := journal.ApprovalAnsweredData{Kind: q.Kind, Choice: a.Choice, By: a.By, How: a.How, Note: a.Note, Identity: a.Identity}
	for name, v := range a.Values {
		if d.Values == nil {
			d.Values = map[string]any{}
		}
		if s, ok := v.(secret.Value); ok {
			v = map[string]any{secret.MaskedKey: s.Name}
		}
		d.Values[name] = types.Encode(v)
	}
	return d
}

// RecallAnswer is the inverse of Answered. A secret stands as its name; whether
// its bytes are still known is the caller's to see.
func RecallAnswer(q interp.Question, e journal.Event) (interp.Answer, error) {
	d, err := journal.Decode[journal.ApprovalAnsweredData](e)
	if err != nil {
		return interp.Answer{}, err
	}
	a := interp.Answer{Choice: d.Choice, By: d.By, How: d.How, Note: d.Note, Values: map[string]any{}}
	for _, c := range q.Collect {
		v, ok := d.Values[c.Name]
		if !ok {
			continue
		}
		if c.Secret {
			a.Values[c.Name] = secret.Value{Name: c.SecretName, Present: true}
			continue
		}
		if a.Values[c.Name], err = types.Decode(c.Type, types.Exact(v)); err != nil {
			return a, fmt.Errorf("the answer %s cannot be read back: %w", e.Key, err)
		}
	}
	return a, nil
}

// Turn is the key under which a branch that did not come to begin is written down.
func Turn(k interp.Key, branch int) interp.Key {
	return k + interp.Key(fmt.Sprintf("#turn.%d", branch))
}

// What a wait is for stands at the end of its key: delay, retry or poll.
func WaitsFor(key interp.Key) string {
	s := string(key)
	return s[strings.LastIndexAny(s, "#.")+1:]
}

// Durable says which events must be on the disk before the run goes on: what
// surrounds an action, and what a person said.
func Durable(typ journal.Type, role string) bool {
	switch typ {
	case journal.AttemptStarted, journal.AttemptFinished:
		return role == "action" || role == "message"
	case journal.RunStarted, journal.ApprovalAnswered, journal.UndoOwed, journal.UndoSettled, journal.UndoFinished, journal.RunFinished, journal.RunPaused:
		return true
	}
	return false
}
