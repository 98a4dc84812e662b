package interp

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/secret"
)

// lost reports options that hold a mask where the world gave a secret in the midst
// of other text. The run does not have that secret, and neither has a resume: what
// would be done with the mask in its place is nothing that anybody meant.
func lost(s *plan.Step, options any, env lang.Env) error {
	if !holdsMask(options) {
		return nil
	}
	from, remedy := "what it reads", "Let it stand by itself, in a value that is nothing else,"
	for _, path := range s.Options.Reads() {
		if !holdsMask(valueAt(env, path)) {
			continue
		}
		from = "`" + path + "`"
		if words := strings.Split(path, "."); len(words) > 2 && words[0] == "steps" {
			remedy = fmt.Sprintf("Run the step `%s` again so that it gives the secret by itself,", words[1])
		}
		break
	}
	return fmt.Errorf("%s holds a secret inside other text, masked as %s, and a mask is never handed on. %s or write `.secrets.NAME` here; for people to read, say `| replace %q \"(masked)\"`",
		from, secret.Mask, remedy, secret.Mask)
}

// holdsMask reports a tree that holds a mask.
func holdsMask(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, secret.Mask)
	case secret.Text:
		return slices.ContainsFunc(v.Parts, func(p secret.Part) bool { return holdsMask(p.Text) })
	case lang.Bound:
		return slices.ContainsFunc(v.Values, holdsMask)
	case []any:
		return slices.ContainsFunc(v, holdsMask)
	case map[string]any:
		for k, x := range v {
			if holdsMask(k) || holdsMask(x) {
				return true
			}
		}
	}
	return false
}

// valueAt is what stands at a path as far as mappings lead there.
func valueAt(env lang.Env, path string) any {
	var v any = map[string]any(env)
	for _, word := range strings.Split(path, ".") {
		m, isMap := v.(map[string]any)
		if !isMap {
			break
		}
		v = m[word]
	}
	return v
}
