package engine

import (
	"runbook/engine/scenario"
	"runbook/engine/schema"
)

// Schema is the JSON Schema of runbook files.
func Schema(options ...Option) ([]byte, error) {
	if err := read(options).err(); err != nil {
		return nil, err
	}
	return schema.Runbook(Language(options...))
}

// ScenarioSchema is the JSON Schema of scenario files.
func ScenarioSchema() ([]byte, error) { return schema.Scenarios(scenario.Shape()) }

// Reference is every key of both, as a Markdown page.
func Reference(options ...Option) ([]byte, error) {
	if err := read(options).err(); err != nil {
		return nil, err
	}
	return schema.Reference(Language(options...), scenario.Shape())
}

// JournalSchema is the JSON Schema of a journal's events.
func JournalSchema() ([]byte, error) { return schema.Journal() }
