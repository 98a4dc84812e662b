package syntax

import "runbook/engine/spec"

// confirmField is `confirm`: the question alone, or with who answers it and how.
func confirmField(doc string) spec.Field {
	long := object(
		required(field("ask", text, "What is asked.")),
		example(field("by", &spec.Shape{Form: spec.List, Elem: str, Min: 1}, "Who may approve; everybody where it is missing."), "[ada, grace]"),
		standard(field("count", &spec.Shape{Form: spec.Int, Min: 1, Max: 20}, "How many different people have to approve."), "1"),
		example(field("timeout", duration, "How long they have; no answer by then is a refusal."), "30m"),
		standard(field("always", boolean, "Whether it is asked even where `--yes` approves everything."), "false"),
		field("changes", named(called("change", object(
			required(example(field("from", condition, "The value now."), "steps.pods.count ?? 0")),
			required(example(field("to", condition, "The value then."), "inputs.replicas")),
		))), "The values that it replaces, by name: shown beside each other to whoever approves."),
		example(field("retype", text, "What has to be typed exactly to approve."), `"{{ .inputs.namespace }}"`),
	)
	return field("confirm", called("confirm", oneOf(text, long)), doc)
}
