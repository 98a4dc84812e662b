package syntax

import "runbook/engine/spec"

// eachKeys are the keys that only `each` has.
func eachKeys() []spec.Field {
	return []spec.Field{
		required(example(field("in", condition, "The list: an expression. It may have up to 10,000 items."), "inputs.hosts")),
		standard(field("as", ident, "The name of the item, for the expressions and templates inside."), "item"),
		standard(field("max", &spec.Shape{Form: spec.Int, Min: 1, Max: 1000}, "How many items at once."), "1"),
		standard(field("max_failures", &spec.Shape{Form: spec.Int, Max: 10000}, "How many items may fail before no other begins and the step has failed."), "0"),
	}
}
