package lang

import "testing"

// TestTemplateKnowsWhatRan: a step that may not have run can be read where a
// condition around it says that it has, and nowhere else.
func TestTemplateKnowsWhatRan(t *testing.T) {
	const read = "{{ .steps.maybe.status }}"
	for in, accepted := range map[string]bool{
		read: false,
		"{{ if .steps.maybe.ran }}" + read + "{{ end }}":                                              true,
		"{{ if .steps.maybe.ran }}x{{ else }}" + read + "{{ end }}":                                   false,
		"{{ if (.steps.maybe.ran) }}" + read + "{{ end }}":                                            true,
		"{{ if not .steps.maybe.ran }}x{{ else }}" + read + "{{ end }}":                               true,
		"{{ if not .steps.maybe.ran }}" + read + "{{ end }}":                                          false,
		"{{ if and .inputs.name .steps.maybe.ran }}" + read + "{{ end }}":                             true,
		"{{ if and .inputs.name .steps.maybe.ran }}x{{ else }}" + read + "{{ end }}":                  false,
		"{{ if or .inputs.name .steps.maybe.ran }}" + read + "{{ end }}":                              false,
		"{{ if or .steps.maybe.ran .inputs.name }}" + read + "{{ end }}":                              false,
		"{{ if or .steps.maybe.ran (eq .steps.maybe.verdict \"passed\") }}" + read + "{{ end }}":      true,
		"{{ if or (not .steps.maybe.ran) (eq .inputs.name \"x\") }}y{{ else }}" + read + "{{ end }}":  true,
		"{{ if and (not .steps.maybe.ran) (eq .inputs.name \"x\") }}y{{ else }}" + read + "{{ end }}": false,
		"{{ if eq .steps.maybe.verdict \"passed\" }}" + read + "{{ end }}":                            true,
		"{{ if eq .steps.maybe.verdict \"skipped\" }}" + read + "{{ end }}":                           false,
		"{{ if eq .steps.maybe.verdict \"skipped\" }}x{{ else }}" + read + "{{ end }}":                true,
		"{{ if ne .steps.maybe.verdict \"skipped\" }}" + read + "{{ end }}":                           true,
		"{{ if ne .steps.maybe.verdict \"passed\" }}" + read + "{{ end }}":                            false,
		"{{ if ne .inputs.name \"skipped\" }}" + read + "{{ end }}":                                   false,
		"{{ if eq .steps.maybe.verdict .inputs.name }}" + read + "{{ end }}":                          false,
		"{{ if .steps.maybe.status | default 0 }}" + read + "{{ end }}":                               false,
		"{{ index .inputs.components 0 }}":                                                            false,
		"{{ first .inputs.components | default \"-\" }}":                                              true,
	} {
		e, found := compileTemplate(in)
		if (e != nil) != accepted {
			t.Errorf("%s: accepted: %v, %v", in, e != nil, found)
		}
	}
}
