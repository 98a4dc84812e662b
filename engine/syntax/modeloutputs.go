package syntax

import "runbook/engine/spec"

// outputs are named values: an expression each, or one with the type that its
// value must have.
func outputs() *spec.Shape {
	typed := object(
		required(example(field("expr", condition, "The value: an expression."), "json.items")),
		required(field("type", words(TypeNames...), "The type that the value must have; one that does not fit is an error of the output.")),
		standard(field("of", words(TypeNames[:7]...), "The type of a list's entries."), "string"),
		field("enum", &spec.Shape{Form: spec.List, Elem: anything, Min: 1}, "The only values it may have."),
		field("pattern", str, "A regular expression (RE2) that a string must match."),
		field("min", anything, "The least value; of a string or list, the least length."),
		field("max", anything, "The greatest value; of a string or list, the greatest length."),
		field("description", str, "What it is, for people."),
	)
	return named(called("output", oneOf(condition, typed)))
}
