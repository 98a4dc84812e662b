// Package secret keeps secrets out of everything that leaves the engine.
//
// The interpreter never holds a secret's bytes. Where a template reads a secret,
// what it gets is a Value: a name. What it renders is a Text, in which the
// secret stands as that name. The bytes are put in by Reveal, inside the runtime,
// at the last moment before an effect; and whatever comes back goes through a
// Masker, which knows the bytes and takes every form of them out.
package secret

import (
	"encoding/json"
	"strings"
)

// Value stands for a secret in expressions and templates. It has no bytes, so
// nothing can be computed from it but whether it is Present.
type Value struct {
	Name    string // of a declared secret, or STEP.FIELD of a collected one
	Present bool   `expr:"present"` // false for an optional secret that is not there
}

// String is what a careless print shows: never the secret.
func (v Value) String() string { return "‹secret " + v.Name + "›" }

// MarshalJSON writes what a journal keeps of a secret: {"$masked": name}.
func (v Value) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{MaskedKey: v.Name})
}

// Part is a piece of a Text: literal text or, where Secret is set, the place of
// a secret.
type Part struct {
	Text   string `json:"text,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// Text is a rendered string in which secrets stand as names. Rendered strings
// without secrets are plain strings, so a Text holds at least one secret.
type Text struct{ Parts []Part }

// String shows the text with each secret masked.
func (t Text) String() string {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Secret != "" {
			b.WriteString(Mask)
			continue
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// Mask is what stands in place of a secret inside a text. It is no text that a
// program prints by chance, so that whoever reads it knows that something was taken
// out: what holds it is never handed on.
const Mask = "‹***›"

// Lookup gives the bytes of a secret by name, fetching it when it is first
// needed. An error says what could not be fetched and never holds the bytes.
type Lookup func(name string) (string, error)

// Reveal puts the secrets' bytes into a tree of rendered options: strings,
// numbers, lists and mappings, with Text and Value leaves. It returns a new tree
// and leaves the one given as it is.
func Reveal(v any, get Lookup) (any, error) {
	switch v := v.(type) {
	case Text:
		return revealText(v, get)
	case Value:
		if !v.Present {
			return "", nil
		}
		return get(v.Name)
	case map[string]any:
		return revealMap(v, get)
	case []any:
		return revealList(v, get)
	}
	return v, nil
}

func revealText(t Text, get Lookup) (any, error) {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Secret == "" {
			b.WriteString(p.Text)
			continue
		}
		s, err := get(p.Secret)
		if err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func revealMap(m map[string]any, get Lookup) (any, error) {
	out := make(map[string]any, len(m))
	for k, v := range m {
		r, err := Reveal(v, get)
		if err != nil {
			return nil, err
		}
		out[k] = r
	}
	return out, nil
}

func revealList(l []any, get Lookup) (any, error) {
	out := make([]any, len(l))
	for i, v := range l {
		r, err := Reveal(v, get)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}
