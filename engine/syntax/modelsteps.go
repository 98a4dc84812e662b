package syntax

import "runbook/engine/spec"

// common are the keys that every step has.
func common() []spec.Field {
	return []spec.Field{
		field("title", text, "What the step is for, in a line."),
		example(field("if", condition, "Whether the step runs at all."), "steps.api.status == 401"),
		field("delay", duration, "How long to wait before it."),
		field("on_failure", onFailure(), "What happens when it fails: `stop` (the default) fails the run, `continue` goes on, steps or a procedure are run."),
		field("links", links(), "Places to look, for people."),
	}
}

func onFailure() *spec.Shape {
	own := object(field("then", call(), "The procedure to run."), field("steps", steps, "The steps to run."),
		standard(field("continue", boolean, "Whether the run goes on behind them."), "false"))
	own.One = []string{"then", "steps"}
	return called("on_failure", oneOf(words("stop", "continue"), own))
}

// observed are the keys of steps that come back with results.
func observed() []spec.Field {
	return []spec.Field{
		field("timeout", duration, "How long an attempt may take."),
		retryField("Repeats an attempt that erred."),
		pollField("Repeats until `expect` holds."),
		field("expect", oneOf(condition, &spec.Shape{Form: spec.List, Elem: condition, Min: 1}), "What must hold for the step to pass. It adds to the kind's own expectation, or replaces it where it reads `status` or `exit`."),
		field("outputs", outputs(), "Values of the step's own, by name: expressions over its results."),
		field("evidence", list(ident), "Outputs or results that are kept for the postmortem."),
		field("facts", named(setting), "Facts that are set when the step passes."),
	}
}

func stepShape(kinds []spec.Field) *spec.Shape {
	u := &spec.Shape{Form: spec.Union, Doc: "A step is a mapping with exactly one role key, whose value is its id."}
	add := func(role, doc string, fields ...[]spec.Field) *spec.Shape {
		s := object(required(field(role, ident, doc)))
		s.Tag = role
		for _, f := range append([][]spec.Field{common()}, fields...) {
			s.Fields = append(s.Fields, f...)
		}
		u.Alts = append(u.Alts, s)
		return s
	}
	budget := []spec.Field{field("timeout", duration, "The budget for all of it, not counting the time in which people are waited for.")}
	confirm := confirmField("Asks a person before it begins: a text, or more.")
	inner := required(field("steps", steps, "The steps."))
	facts := field("facts", named(setting), "Facts that are set when it passes.")
	own := field("outputs", outputs(), "Values of its own, by name.")

	check := add("check", "Observes. Its verdict is read by decisions; it does not stop the run unless it is required.", observed(), checkKeys(), kinds)
	check.One = append(keys(kinds), "repeat")
	action := add("action", "Changes the world, within the permissions.", observed(), actionKeys(), kinds)
	action.One = keys(kinds)
	add("decide", "Takes the first branch whose `when` holds, else `else`.", []spec.Field{
		required(field("branches", &spec.Shape{Form: spec.List, Elem: ref("branch"), Min: 1}, "The ways out, in order.")),
		field("else", ref("else"), "The branch where no other is taken."),
		field("ask", text, "Lets a person choose among the branches whose `when` holds."),
	})
	add("manual", "A person does something, and says so.", []spec.Field{
		required(field("instructions", text, "What to do.")), field("collect", named(declaration(true)), "Values that the person gives."), facts, attach(),
	})
	add("message", "A text for people: kept in the journal, and sent where `to` names a channel.", []spec.Field{
		required(field("text", text, "The text.")), field("to", oneOf(ident, list(ident)), "The channels to send it to."), incidentState(),
	})
	add("group", "Steps as one unit, in order.", budget, repeated(), []spec.Field{inner, confirm, own, facts})
	add("parallel", "Steps as one unit, side by side.", budget, repeated(), []spec.Field{inner, confirm, own, facts, field("max", &spec.Shape{Form: spec.Int, Min: 1, Max: 1000}, "How many at once; all where it is missing.")})
	add("each", "The steps for every item of a list.", budget, eachKeys(), []spec.Field{inner, confirm,
		field("outputs", outputs(), "Values of its own, by name: computed for each item, they become lists in the order of the items."), facts})
	run := add("run", "Runs a procedure or another runbook; its outputs come back under the step's id.", budget, []spec.Field{
		field("procedure", ident, "The procedure."),
		example(field("runbook", str, "The runbook's file, as a path from this file's folder. It may do what both files permit; its facts, secrets and channels are its own."), "restart.yaml"),
		field("inputs", named(setting), "Its inputs."), facts,
	})
	run.One = []string{"procedure", "runbook"}
	add("end", "Ends the runbook.", []spec.Field{
		required(field("outcome", words(Outcomes...), "How it ended.")), field("summary", text, "What there is to say."),
	})
	return u
}

func keys(fields []spec.Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Key
	}
	return out
}

func checkKeys() []spec.Field {
	return []spec.Field{
		field("repeat", ident, "The check that this one repeats: it inherits the kind, `expect`, `outputs` and `timeout`; own keys override."),
		standard(field("required", boolean, "Whether the run fails when it does not pass; true where it polls."), "false"),
	}
}

func actionKeys() []spec.Field {
	undo := object(required(field("when", words("failure", "always"), "`failure`: when the run fails or is cancelled. `always`: when it ends at all.")),
		standard(field("auto", boolean, "Whether it is done without asking."), "false"), required(field("steps", steps, "The steps that take the effect back.")))
	return []spec.Field{
		confirmField("Asks a person before it is done: a text, or more."),
		field("verify", ref("verify"), "A check of its own, or one that repeats another: the action has passed when it has."),
		field("check_after", ref("verify"), "A check that decides whether the action took effect where it is in doubt because the run broke off: passed, it counts as done; not passed, it is done again; could it not be made, a person is asked. Results of such an action may be nil."),
		standard(field("idempotent", boolean, "Whether it may be done twice; `retry` and `poll` need it."), "false"),
		field("undo", undo, "Takes the effect back. It is offered in reverse order; until it is settled the journal holds it as owed."),
	}
}

func verifyShape(kinds []spec.Field) *spec.Shape {
	s := object(field("title", text, "What is verified."))
	s.Fields = append(s.Fields, observed()...)
	s.Fields = append(s.Fields, checkKeys()[0])
	s.Fields = append(s.Fields, kinds...)
	s.One = append(keys(kinds), "repeat")
	return s
}
