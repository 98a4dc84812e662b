package secret

// Take takes the secrets out of what came back from outside: as MaskValue, but a
// leaf that is nothing but a secret becomes its Value, which can be handed on and
// not be looked at. A mapping from outside that looks like a masked leaf gets
// another key: it must not name a secret.
func (m *Masker) Take(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			k = m.MaskString(k)
			if k == MaskedKey {
				k = "$" + k
			}
			out[k] = m.Take(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = m.Take(x)
		}
		return out
	}
	masked := m.MaskValue(v)
	if leaf, ok := masked.(map[string]any); ok {
		return Opaque(leaf)
	}
	return masked
}

// Opaque is the inverse of a Value's encoding, in a tree that a journal holds.
func Opaque(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v[MaskedKey].(string); ok && len(v) == 1 {
			return Value{Name: name, Present: true}
		}
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = Opaque(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = Opaque(x)
		}
		return out
	}
	return v
}
