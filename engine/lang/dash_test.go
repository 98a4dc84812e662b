package lang

import (
	"regexp"
	"strings"
	"testing"

	"runbook/engine/types"
)

func TestPatternAllowsDash(t *testing.T) {
	for pattern, want := range map[string]bool{
		"^[a-z0-9-]+$": true, "^[a-z0-9][a-z0-9-]*$": false, "^[a-z]+$": false, "[a-z]+": true, "^": true, "^$": false, "^a*$": false, "^a*": true, "^(a|-b)$": true, "^(a|b-)$": false, "^.+$": true, `^\w+$`: false, `^\S+$`: true, `^[^-]`: false, `^[^a]+$`: true,
		"(?i)^[a-z]$": false, "(?m)^[a-z]+$": true, `\A[a-z]+\z`: false, `^-?\d+$`: true, `^\d+$`: false, "a|^b$": true, "^(?:x)?y": false, "^[+-]?[0-9]": true, "^(": true, `^\b-`: true, "": true,
	} {
		if got := patternAllowsDash(pattern); got != want {
			t.Errorf("%q: %v", pattern, got)
		}
		re, err := regexp.Compile(pattern)
		if err != nil || want {
			continue
		}
		for _, s := range []string{"-", "-a", "--", "-1", "-a\nb", "-\na"} {
			if re.MatchString(s) {
				t.Errorf("%q matches %q", pattern, s)
			}
		}
	}
}

func TestOptionWarnings(t *testing.T) {
	s := scriptScope()
	typed := func(p string, enum ...string) *types.Type {
		return &types.Type{Kind: types.String, Pattern: p, Enum: enum}
	}
	s = s.Add(types.Field{Name: "loose", Type: typed("^[a-z-]+$")}, types.Field{Name: "tight", Type: typed("^[a-z]+$")}, types.Field{Name: "word", Type: typed("", "a", "b")}, types.Field{Name: "flag", Type: typed("", "-a", "b")},
		types.Field{Name: "words", Type: &types.Type{Kind: types.List, Elem: typed("^[a-z]+$")}})
	for in, want := range map[string]bool{
		`rm {{ .x }}`: true, `rm -- {{ .x }}`: false, `rm "{{ .x }}"`: true, `rm a{{ .x }}`: false, `rm ./{{ .x }}`: false, `rm --x={{ .x }}`: false, `rm {{ .n }}`: false, `rm {{ .l }}`: true, `rm {{ .words }}`: false,
		`rm {{ .loose }}`: true, `rm {{ .tight }}`: false, `rm {{ .word }}`: false, `rm {{ .flag }}`: true, `kubectl -n {{ .x }} get pods`: false, `kubectl get {{ .x }}`: true, `kubectl get -- {{ .x }} {{ .x }}`: false, `echo {{ .x }}`: false, `[ {{ .x }} = a ]`: false, `v={{ .x }}`: false,
		`set -- {{ .x }}`: false, `rm {{ .tight }}{{ .x }}`: false,
	} {
		_, found := compileIn(in, s)
		warned := false
		for _, d := range found {
			warned = warned || d.Code == "may-be-option" && strings.Contains(d.Detail, "--")
		}
		if warned != want || found.Failed() {
			t.Errorf("%s: warned %v: %v", in, warned, found)
		}
	}
}
