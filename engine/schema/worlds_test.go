package schema_test

import (
	"runbook/checks"
	"runbook/engine/kind"
	"runbook/engine/scenario"
	"runbook/engine/spec"
)

// worlds is the structure of scenario files with the program's kinds.
func worlds() *spec.Shape {
	var kinds []kind.Kind
	for _, k := range checks.All() {
		kinds = append(kinds, k.Kind)
	}
	return scenario.Shape(kinds...)
}
