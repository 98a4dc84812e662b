// Package record turns a run's journal into a scenario: what the world answered,
// what people said, and what came of it. So an incident becomes a test.
//
// An HTTP request that was answered becomes a stub of that server, which still
// fits when the steps around it are written anew. What a script, a program, or
// any other kind came back with, and a request without an answer, becomes a
// result of its step: a journal knows what a step saw, and not what each of its
// programs printed.
//
// A journal holds no secret, and so does its recording: wherever a secret stood
// alone, a stand-in of the same name stands in the scenario.
package record

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/engine/journal"
	"runbook/engine/secret"
	"runbook/engine/source"
	"runbook/engine/syntax"
)

// Options are what a journal does not say.
type Options struct {
	Name    string // the scenario's name
	Title   string // what happened; the run's id and its date where it is empty
	Runbook string // the runbook's file, beside the scenario's
}

// File is a file of one scenario, as YAML. Cut are the keys of the steps whose
// replies did not fit into a file whole. The error is for a journal that is none.
func File(events []journal.Event, o Options) (data []byte, cut []string, err error) {
	return fitting(events, o, func(sc syntax.Pairs) ([]byte, error) {
		return syntax.Write(syntax.Pairs{{Key: "runbook", Value: o.Runbook}, {Key: "scenarios", Value: sc}})
	})
}

// rooms are how much of a text of a reply is kept, in bytes; more than one is tried
// only where a file would be too large to be read. 0 keeps it whole.
var rooms = []int{0, 64 << 10, 8 << 10, 1 << 10}

// fitting writes a scenario with as much of its replies as a file may hold.
func fitting(events []journal.Event, o Options, write func(syntax.Pairs) ([]byte, error)) ([]byte, []string, error) {
	for _, room := range rooms {
		sc, cut, err := scenario(events, o, room)
		if err != nil {
			return nil, nil, err
		}
		data, err := write(sc)
		if err != nil {
			return nil, nil, err
		}
		readable := true
		syntax.Parse(source.NewFile("", data), func(d source.Diagnostic) { readable = readable && d.Severity != source.Error })
		if readable {
			return data, cut, nil
		}
	}
	return nil, nil, fmt.Errorf("what the run saw does not fit into a file of %d bytes, even with long replies cut", syntax.MaxBytes)
}

// Into is a file of scenarios with one more, at its end. What stands there stays as
// it is, byte for byte.
func Into(f *source.File, events []journal.Event, o Options) (data []byte, cut []string, err error) {
	indent, err := end(f, o)
	if err != nil {
		return nil, nil, err
	}
	return fitting(events, o, func(sc syntax.Pairs) ([]byte, error) { return added(f, indent, sc) })
}

// added is the file with a scenario behind the others.
func added(f *source.File, indent string, sc syntax.Pairs) ([]byte, error) {
	text, err := syntax.Write(sc)
	if err != nil {
		return nil, err
	}
	out := append([]byte(nil), f.Data...)
	if !bytes.HasSuffix(out, []byte("\n")) {
		out = append(out, '\n')
	}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) > 0 {
			out = append(out, indent...)
		}
		out = append(out, line...)
	}
	return out, nil
}

// end is the indentation of a file's scenarios, when one more can be put at its
// end.
func end(f *source.File, o Options) (string, error) {
	root := syntax.Parse(f, func(source.Diagnostic) {})
	if root == nil || root.Kind != syntax.Mapping || len(root.Entries) == 0 {
		return "", fmt.Errorf("%s is no file of scenarios; name another file", f.Name)
	}
	last := root.Entries[len(root.Entries)-1]
	if last.Key.Value != "scenarios" || last.Value.Kind != syntax.Mapping || len(last.Value.Entries) == 0 {
		return "", fmt.Errorf("`scenarios` is not the last key of %s, and a scenario is added at the end; name another file, or put `scenarios` last", f.Name)
	}
	for _, e := range last.Value.Entries {
		if e.Key.Value == o.Name {
			return "", fmt.Errorf("%s has a scenario %s already; give another name", f.Name, o.Name)
		}
	}
	first := last.Value.Entries[0].Key.Span
	line := f.Data[:first.Start]
	indent := string(line[bytes.LastIndexByte(line, '\n')+1:])
	if strings.Trim(indent, " ") != "" || indent == "" {
		return "", fmt.Errorf("the scenarios of %s do not stand each on its own lines, so none can be added; name another file", f.Name)
	}
	return indent, nil
}

func scenario(events []journal.Event, o Options, room int) (sc syntax.Pairs, cut []string, err error) {
	if len(events) == 0 || events[0].Type != journal.RunStarted {
		return nil, nil, fmt.Errorf("a recording is made of a run from its beginning, and this journal has none")
	}
	// What was undone once the run was over is no part of what it came to.
	if i := slices.IndexFunc(events, func(e journal.Event) bool { return e.Type == journal.RunFinished }); i >= 0 {
		events = events[:i+1]
	}
	r := &recording{room: room, state: journal.Fold(events), steps: map[string]*step{}, asked: map[string]time.Time{}, foreign: map[string]bool{}}
	for _, e := range events {
		if err := r.take(e); err != nil {
			return nil, nil, fmt.Errorf("event %d cannot be read: %w", e.Seq, err)
		}
	}
	sc = syntax.Pairs{{Key: o.Name, Value: r.scenario(o)}}
	return sc, r.cut, nil
}

// recording is what was read of a journal so far.
type recording struct {
	room    int      // how much of a text is kept; 0 is all
	cut     []string // the keys of steps whose replies were cut
	state   *journal.State
	steps   map[string]*step     // by key
	order   []*step              // in the order of their first attempts
	asked   map[string]time.Time // when, by the question's key
	answers []answer
	foreign map[string]bool // the keys of questions that a policy alone demanded
	others  []journal.Event // where other runbooks began
}

// step is a step that made attempts.
type step struct {
	id, key  string
	kind     string
	attempts []attempt
}

// attempt is one of them.
type attempt struct {
	request map[string]any
	journal.AttemptFinishedData
}

// answer is what a person said to a question.
type answer struct {
	name  string // the step's id, with >undo for an undo
	given journal.ApprovalAnsweredData
	after time.Duration
}

func (r *recording) take(e journal.Event) error {
	switch e.Type {
	case journal.AttemptStarted:
		d, err := journal.Decode[journal.AttemptStartedData](e)
		if err != nil {
			return err
		}
		r.begin(e, d)
	case journal.AttemptFinished:
		d, err := journal.Decode[journal.AttemptFinishedData](e)
		if err != nil {
			return err
		}
		r.finish(e, d)
	case journal.RunbookStarted:
		r.others = append(r.others, e)
	case journal.ApprovalRequested:
		r.asked[e.Key] = e.Time
		d, err := journal.Decode[journal.ApprovalRequestedData](e)
		r.foreign[e.Key] = len(d.Policy) > 0 && !d.Own
		return err
	case journal.ApprovalAnswered:
		d, err := journal.Decode[journal.ApprovalAnsweredData](e)
		if err != nil {
			return err
		}
		r.answer(e, d)
	case journal.WaitFinished:
		d, err := journal.Decode[journal.WaitFinishedData](e)
		if err == nil && d.For == "person" && d.Ended != "nobody" && !r.foreign[e.Key] {
			r.answer(e, journal.ApprovalAnsweredData{Choice: "done", By: "nobody"})
			r.answers[len(r.answers)-1].after += tooLate
		}
		return err
	}
	return nil
}

// tooLate is by how much something comes too late that the run did not wait for.
const tooLate = time.Hour

func (r *recording) answer(e journal.Event, d journal.ApprovalAnsweredData) {
	if d.Kind == "in_doubt" {
		return // a recording does not break off
	}
	if r.foreign[e.Key] {
		return // the scenario is the runbook's, which does not ask that
	}
	name := r.within(e.Key) + e.Step
	if d.Kind == "undo" {
		name += ">undo"
	}
	r.answers = append(r.answers, answer{name, d, e.Time.Sub(r.asked[e.Key])})
}

// within are the steps that run the runbook which a key stands in, each with a
// slash behind: what a question's name begins with there.
func (r *recording) within(key string) string {
	out := ""
	for _, o := range r.others {
		if strings.HasPrefix(key, o.Key+"/") {
			out += o.Step + "/"
		}
	}
	return out
}

func (r *recording) begin(e journal.Event, d journal.AttemptStartedData) {
	if d.Role == "message" {
		return // no stub is for one: where none is for its host it counts as sent
	}
	key := journal.StepKey(e.Key)
	s := r.steps[key]
	if s == nil {
		s = &step{id: e.Step, key: key, kind: d.Kind}
		r.steps[key] = s
		r.order = append(r.order, s)
	}
	s.attempts = append(s.attempts, attempt{request: d.Request, AttemptFinishedData: journal.AttemptFinishedData{Ended: unfinished}})
}

// unfinished marks an attempt of which the journal has no end: the process that
// made it broke off.
const unfinished = "unfinished"

func (r *recording) finish(e journal.Event, d journal.AttemptFinishedData) {
	s := r.steps[journal.StepKey(e.Key)]
	if s == nil {
		return
	}
	s.attempts[len(s.attempts)-1].AttemptFinishedData = d
}

func (r *recording) scenario(o Options) syntax.Pairs {
	title := o.Title
	if title == "" {
		title = fmt.Sprintf("Recorded from %s of %s", r.state.Run, r.state.Began.UTC().Format("2 January 2006"))
	}
	out := syntax.Pairs{{Key: "title", Value: title}, {Key: "start", Value: r.state.Began.UTC().Format(time.RFC3339Nano)}}
	add := func(key string, v any) {
		if list, isList := v.([]any); isList && len(list) == 0 {
			return
		}
		if m, isMap := v.(map[string]any); isMap && len(m) == 0 {
			return
		}
		out = append(out, syntax.Pair{Key: key, Value: v})
	}
	http, results := r.calls()
	add("inputs", standIns(r.state.Started.Inputs))
	add("secrets", r.stands())
	add("http", http)
	add("results", results)
	add("answers", r.people())
	add("expect", r.expect())
	return out
}

// kept is a reply of a step as it is kept: with stand-ins, and cut where there is no
// room for it.
func (r *recording) kept(key string, v any) any {
	v, cut := shorten(standIns(v), r.room)
	if cut && !slices.Contains(r.cut, key) {
		r.cut = append(r.cut, key)
	}
	return v
}

// shorten cuts texts, and lists to as many entries as there could be words.
func shorten(v any, room int) (_ any, cut bool) {
	if room == 0 {
		return v, false
	}
	switch v := v.(type) {
	case string:
		if len(v) > room {
			return strings.ToValidUTF8(v[:room], "") + "… (cut in the recording)", true
		}
	case []any:
		out := make([]any, min(len(v), room/64))
		cut = len(out) < len(v)
		for i := range out {
			x, short := shorten(v[i], room)
			out[i], cut = x, cut || short
		}
		return out, cut
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			x, short := shorten(x, room)
			out[k], cut = x, cut || short
		}
		return out, cut
	}
	return v, false
}

// standIns puts the stand-ins of secrets where they stood.
func standIns(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if name, masked := v[secret.MaskedKey].(string); masked && len(v) == 1 {
			return standIn(name)
		}
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = standIns(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = standIns(x)
		}
		return out
	}
	return v
}

// standIn is a secret's value in a recording. None is a part of another's.
func standIn(name string) string {
	return "recorded-" + strings.ReplaceAll(declared(name), "/", "-") + "-0001"
}

// declared is the name that a file gives its secret: those of another file are
// journalled as FILE:NAME.
func declared(name string) string { return name[strings.LastIndex(name, ":")+1:] }

// stands are the declared secrets with their stand-ins.
func (r *recording) stands() map[string]any {
	out := map[string]any{}
	for _, name := range r.state.Started.Secrets {
		out[declared(name)] = standIn(name)
	}
	return out
}
