package engine

import (
	"runbook/engine/policy"
	"runbook/engine/scenario"
	"runbook/engine/schema"
)

// Schema is the JSON Schema of runbook files.
func Schema(options ...Option) ([]byte, error) {
	if err := read(options).err(); err != nil {
		return nil, err
	}
	return schema.Runbook(language(options...))
}

// ScenarioSchema is the JSON Schema of scenario files.
// The kinds are those of the program, and those of the options.
func ScenarioSchema(options ...Option) ([]byte, error) {
	s := read(options)
	if err := s.err(); err != nil {
		return nil, err
	}
	return schema.Scenarios(scenario.Shape(pure(s.kinds)...))
}

// PolicySchema is the JSON Schema of policies.
func PolicySchema() ([]byte, error) { return schema.Policy(policy.Shape()) }

// Reference is every key of all three, as a Markdown page.
func Reference(options ...Option) ([]byte, error) {
	if err := read(options).err(); err != nil {
		return nil, err
	}
	return schema.Reference(language(options...), scenario.Shape(pure(read(options).kinds)...), policy.Shape())
}

// JournalSchema is the JSON Schema of a journal's events.
func JournalSchema() ([]byte, error) { return schema.Journal() }
