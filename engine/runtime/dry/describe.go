package dry

import (
	"fmt"
	"reflect"
	"strings"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// describe is what a run would do at a step.
func (w *walk) describe(f frame, s *plan.Step) journal.StepRehearsedData {
	env := f.env()
	pos := s.Span.Position()
	d := journal.StepRehearsedData{
		Role: string(s.Role), Title: preview(s.Title, env),
		Place:  journal.Place{File: w.plan.File.Name, Line: pos.Line, Column: pos.Column},
		Delay:  journal.SecondsOf(s.Delay),
		Budget: journal.SecondsOf(s.Timeout),
		Retry:  retry(s.Retry), Poll: poll(s.Poll), Each: every(s),
		Outcome: s.Outcome, Summary: preview(s.Summary, env),
		Instructions: preview(s.Instructions, env),
		Text:         preview(s.Text, env), To: s.To, Status: s.Status, Ask: preview(s.Ask, env),
	}
	if s.If != nil {
		d.If = s.If.Source
	}
	if s.Kind != nil {
		d.Kind = s.Kind.Name
		d.Request, _ = types.Encode(s.Options.Preview(env)).(map[string]any)
	}
	for _, e := range s.Expect {
		d.Expect = append(d.Expect, e.Source)
	}
	if s.Confirm != nil {
		d.Confirm = confirm(s.Confirm, env)
	}
	if w.plan.MayDemand(s) {
		d.Policy = w.demanded(s, env)
	}
	for _, c := range s.Collect {
		d.Collect = append(d.Collect, journal.AnswerField{Name: c.Name, Type: c.Type.String(), Description: c.Description, Secret: c.Secret, Required: c.Required, Options: optionsOf(c, env)})
	}
	for _, a := range s.Attach {
		d.Attach = append(d.Attach, a.Name)
	}
	if s.Sub != nil {
		d.Runbook = s.Sub.Plan.File.Name
	}
	if s.Call != nil {
		d.Procedure = s.Call.Procedure.Name
	}
	return d
}

// demanded is what a policy demands before an action, as far as it can be told.
func (w *walk) demanded(s *plan.Step, env lang.Env) []string {
	v, err := s.Options.Render(env)
	options, known := v.(map[string]any)
	if !known || err != nil || !s.Options.Known(env) {
		return []string{w.plan.Policy.Name + " (perhaps: it depends on what the run finds out)"}
	}
	var out []string
	for _, d := range w.plan.Demands(s, options) {
		out = append(out, d.Policy...)
	}
	return out
}

func preview(t *lang.Template, env lang.Env) string {
	if t == nil {
		return ""
	}
	return t.Preview(env)
}

func retry(r *plan.Retry) string {
	if r == nil {
		return ""
	}
	s := fmt.Sprintf("up to %d attempts", r.Attempts)
	if r.Delay > 0 {
		s += fmt.Sprintf(", %s apart", r.Delay)
	}
	if r.On != nil {
		s += ", on " + r.On.Source
	}
	return s
}

func poll(p *plan.Poll) string {
	if p == nil {
		return ""
	}
	s := fmt.Sprintf("every %s for up to %s", p.Every, p.For)
	if p.While != nil {
		s += ", while " + p.While.Source
	}
	return s
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// confirm is the question, and who answers it and how.
func confirm(c *plan.Confirm, env lang.Env) string {
	var more []string
	if c.Count > 1 {
		more = append(more, fmt.Sprintf("%d people", c.Count))
	}
	if len(c.By) > 0 {
		more = append(more, "by "+strings.Join(c.By, " or "))
	}
	if c.Timeout > 0 {
		more = append(more, fmt.Sprintf("within %s", c.Timeout))
	}
	if c.Always {
		more = append(more, "always")
	}
	if c.Retype != nil {
		more = append(more, "typing "+preview(c.Retype, env))
	}
	text := preview(c.Ask, env)
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}

// sources are the expressions of outputs, by name.
func sources(outs []plan.Output) map[string]string {
	if len(outs) == 0 {
		return nil
	}
	m := make(map[string]string, len(outs))
	for _, o := range outs {
		m[o.Name] = o.Expr.Source
	}
	return m
}

// optionsOf is what a value would be picked from; a list that only a run can
// know stands as ‹steps.pods.names›.
func optionsOf(c *plan.Collect, env lang.Env) []any {
	if c.Options == nil {
		return nil
	}
	v, known := c.Options.Preview(env)
	if list, isList := v.([]any); known && isList {
		return list[:min(len(list), maxShown)]
	}
	return []any{types.Format(v)}
}
