package engine

import (
	"runbook/engine/scenario"
	"runbook/engine/schema"
)

// Schema is the JSON Schema of runbook files.
func Schema() ([]byte, error) { return schema.Runbook(Language()) }

// ScenarioSchema is the JSON Schema of scenario files.
func ScenarioSchema() ([]byte, error) { return schema.Scenarios(scenario.Shape()) }

// Reference is every key of both, as a Markdown page.
func Reference() ([]byte, error) { return schema.Reference(Language(), scenario.Shape()) }

// JournalSchema is the JSON Schema of a journal's events.
func JournalSchema() ([]byte, error) { return schema.Journal() }
