package syntax

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Pair is an entry of a mapping that is written.
type Pair struct {
	Key   string
	Value any
}

// Pairs is a mapping whose entries are written in their order.
type Pairs []Pair

// Write writes a document that Parse reads back: Pairs, map[string]any (its keys
// in order), []any, strings, numbers (json.Number too), bools and nil. A text that
// another reader of YAML could take for something else is quoted.
func Write(v any) ([]byte, error) {
	n, err := node(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return nil, fmt.Errorf("cannot be written as YAML: %w", err)
	}
	return b.Bytes(), e.Close()
}

func node(v any) (*yaml.Node, error) {
	switch v := v.(type) {
	case Pairs:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, p := range v {
			x, err := node(p.Value)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, key(p.Key), x)
		}
		return n, nil
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			x, err := node(item)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, x)
		}
		return n, nil
	case map[string]any:
		pairs := make(Pairs, 0, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			pairs = append(pairs, Pair{k, v[k]})
		}
		return node(pairs)
	case string:
		return written(v), nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: string(v)}, nil
	}
	n := &yaml.Node{}
	err := n.Encode(v)
	return n, err
}

// key is the key of an entry. `on` stands plain: this language has no other word
// for it, and reads it as a text.
func key(s string) *yaml.Node {
	n := written(s)
	if s == "on" {
		n.Tag, n.Style = "", 0
	}
	return n
}

// written is a text. One of several lines stands as a block where nothing of it is
// lost there; all others are quoted where they could be read as anything else.
func written(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	switch {
	case strings.Contains(s, "\n") && blockable(s):
		n.Style = yaml.LiteralStyle
	case !plainly(s):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// blockable texts come back from a literal block as they were.
func blockable(s string) bool {
	for _, r := range s {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff) {
			return false
		}
	}
	return s[0] != ' ' && s[0] != '\n' && !strings.HasSuffix(s, "\n\n") && !strings.HasSuffix(s, " ")
}

// plainly reports whether a text can stand without quotes: it begins with a
// letter or a slash, holds nothing that YAML has a use for, and is no word that a
// version of YAML reads as a bool or as nothing.
func plainly(s string) bool {
	if s == "" || strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":") || strings.HasSuffix(s, " ") {
		return false
	}
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return false
	}
	c := s[0]
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '/'
}
