package syntax

import "runbook/engine/spec"

// options is the key of a collected value that the person picks from a list.
func options() spec.Field {
	return example(field("options", condition, "A list: an expression. The person picks the value from it, or several where the type is a list."), "steps.pods.names")
}

// attach is the key of a manual step that shows attachments.
func attach() spec.Field {
	return field("attach", list(ident), "The `attachments` that the person is shown.")
}

func attachmentShape() *spec.Shape {
	s := called("attachment", object(
		field("text", str, "The text itself. It is never a template."),
		field("file", str, "The file that holds it, as a path from this file's folder. It is read when the runbook is loaded."),
		field("title", str, "What it is, in a line."),
	))
	s.One = []string{"text", "file"}
	return s
}
