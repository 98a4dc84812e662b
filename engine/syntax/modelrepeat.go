package syntax

import "runbook/engine/spec"

func retryField(doc string) spec.Field {
	return field("retry", called("retry", object(
		required(field("attempts", &spec.Shape{Form: spec.Int, Min: 1, Max: 100}, "How many attempts, the first included.")),
		standard(field("delay", duration, "How long to wait between them."), "0s"),
		standard(field("backoff", &spec.Shape{Form: spec.Number}, "What the delay is multiplied with each time."), "1"),
		field("max_delay", duration, "The longest delay."),
		field("on", condition, "Which errors to repeat on; every one where it is missing. A denied attempt is never repeated."),
	)), doc)
}

func pollField(doc string) spec.Field {
	return field("poll", called("poll", object(
		required(example(field("every", duration, "How often."), "10s")),
		required(example(field("for", duration, "For how long."), "5m")),
		example(field("while", condition, "Stops before the time is over where it is false: an expression over the step's own results. It is not asked about an attempt that erred, unless it reads `error`."), `json?.state == "pending"`),
	)), doc)
}

// repeated are the keys of groups, whose steps are repeated as a whole.
func repeated() []spec.Field {
	return []spec.Field{
		retryField("Repeats all of it where one of its steps failed the group. Actions in it need `idempotent: true`."),
		pollField("Repeats all of it until its steps pass and its `expect` holds. Actions in it need `idempotent: true`."),
		field("expect", oneOf(condition, &spec.Shape{Form: spec.List, Elem: condition, Min: 1}), "What must hold behind its steps for it to pass."),
	}
}
