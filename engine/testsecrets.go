package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"runbook/engine/journal"
	"runbook/engine/scenario"
)

// A test also looks for the scenario's secrets in all that the run gave out. It
// does so without the masker, whose work it judges.

// secrets are those of the scenario and those that its people gave, by name.
func (t *test) secrets() map[string]string {
	out := maps.Clone(t.opts.Scenario.Secrets)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, t.people.secrets)
	return out
}

// shown are the secrets that stand in events, each told of once.
func shown(events []journal.Event, secrets map[string]string) (out []scenario.Failure) {
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		forms := formsOf(secrets[name])
		for _, e := range events {
			if i := slices.IndexFunc(forms, func(s spelling) bool { return bytes.Contains(e.Data, s.text) }); i >= 0 {
				out = append(out, scenario.Failure{What: "the secret " + name, Want: "to be masked in all that the run gives out",
					Got: fmt.Sprintf("it as %s in the event %s of %s", forms[i].word, e.Type, whose(e))})
				break
			}
		}
	}
	return out
}

func whose(e journal.Event) string {
	if e.Key == "" {
		return "the run"
	}
	return e.Key
}

// spelling is a way in which a secret can stand in an event's JSON.
type spelling struct {
	word string
	text []byte
}

func formsOf(v string) []spelling {
	if v == "" {
		return nil
	}
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false) // as the journal writes it
	_ = e.Encode(v)        // a string always encodes
	out := []spelling{{"it is", bytes.Trim(plain.Bytes(), "\"\n")}}
	for word, s := range map[string]string{
		"a part of a URL": url.QueryEscape(v), "base64": base64.RawStdEncoding.EncodeToString([]byte(v)), "hex": hex.EncodeToString([]byte(v)),
	} {
		if s != v {
			out = append(out, spelling{word, []byte(s)})
		}
	}
	slices.SortFunc(out[1:], func(a, b spelling) int { return bytes.Compare(a.text, b.text) })
	return out
}
