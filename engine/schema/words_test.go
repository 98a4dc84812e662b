package schema

import (
	"encoding/json"
	"strings"
	"testing"

	"runbook/engine/secret"
)

// TestNoSecretIsAWordOfTheJournal: a secret that was a field or a word of the
// journal would be masked there, and nobody could read the journal any more.
func TestNoSecretIsAWordOfTheJournal(t *testing.T) {
	data, err := Journal()
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	collectWords(words, "", doc)
	if !words["evidence"] || !words["undo.settled"] || !words["in_doubt"] {
		t.Fatalf("the schema is read wrongly: %v", words)
	}
	m := secret.NewMasker()
	for w := range words {
		if len(w) < secret.MinLength {
			continue
		}
		if err := m.Add("tok", w); err == nil || strings.Contains(err.Error(), w) {
			t.Errorf("%q can be a secret, or is said: %v", w, err)
		}
	}
}

// collectWords are the names of fields and the texts that a schema knows.
func collectWords(out map[string]bool, at string, v any) {
	switch v := v.(type) {
	case string:
		if at == "const" || at == "enum" {
			out[v] = true
		}
	case []any:
		for _, x := range v {
			collectWords(out, at, x)
		}
	case map[string]any:
		for k, x := range v {
			if at == "properties" {
				out[k] = true
			}
			collectWords(out, k, x)
		}
	}
}
