package lang

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"

	"runbook/engine/secret"
	"runbook/engine/types"
)

// maxText bounds what a template or one of its functions makes.
const maxText = 1 << 20

// forbidden are functions of sprig's hermetic set that are random, cost without
// bound, read the network, or end the template.
var forbidden = []string{"fail", "bcrypt", "htpasswd", "derivePassword", "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert",
	"genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey", "buildCustomCert", "encryptAES", "decryptAES", "getHostByName",
	"until", "untilStep", "seq", "randInt", "randBytes", "shuffle", "uuidv4", "ago", "duration", "durationRound", "osBase", "osDir", "osExt", "osClean", "osIsAbs"}

// The functions that the compiler puts into a tree; authors cannot write them.
const (
	printFunc  = "__print"
	lookupFunc = "__lookup"
	keepFunc   = "__keep"
)

// builtins are text/template's own functions that stay: `call`, `html`, `js` and
// `print*` have no place in texts for people, or are replaced.
var templateFuncs = makeFuncs()

func makeFuncs() template.FuncMap {
	m := sprig.HermeticTxtFuncMap()
	for _, f := range forbidden {
		delete(m, f)
	}
	boundFuncs(m)
	m["toJson"] = func(v any) (string, error) { return formatted("toJson", jsonable(v)) }
	m["toString"] = func(v any) (string, error) { return formatted("toString", v) }
	m[printFunc], m[lookupFunc] = printValue, lookup
	m[keepFunc] = func(v any) (string, error) { return "", errors.New("no place to keep a value") }
	return m
}

// formatted writes a value, if that has an end.
func formatted(name string, v any) (string, error) {
	if !fits(v) {
		return "", tooLong(name)
	}
	return types.Format(v), nil
}

// jsonable makes a string a JSON string: Format writes strings bare.
func jsonable(v any) any {
	if s, ok := v.(string); ok {
		return quotedJSON(s)
	}
	return v
}

func quotedJSON(s string) string {
	text := types.Format([]any{s})
	return text[1 : len(text)-1]
}

// nonce marks secrets inside a text while a template runs. It is the process's
// own and never leaves the package, so foreign text cannot forge a mark.
var nonce = func() string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand does not fail on any supported system
	}
	return hex.EncodeToString(b)
}()

func markOf(name string) string { return "\x00" + nonce + ":" + name + "\x00" }

// printValue is what every hole ends in: it writes a value as people read it,
// and refuses nil.
func printValue(source string, v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", fmt.Errorf("%s has no value; give it a default: `%s | default VALUE`", source, source)
	case secret.Value:
		if !v.Present {
			return "", nil
		}
		return markOf(v.Name), nil
	case secret.Text:
		var b strings.Builder
		for _, p := range v.Parts {
			if p.Secret != "" {
				b.WriteString(markOf(p.Secret))
			}
			b.WriteString(p.Text)
		}
		return b.String(), nil
	case Unknown:
		return v.String(), nil
	}
	return formatted(source, v)
}

// presentField is the only field of a secret, by the Go name that text/template
// wants.
const presentField = "Present"

// lookup reads a path below a value, nil where anything on it is absent.
func lookup(v any, path ...string) any {
	for _, name := range path {
		switch m := v.(type) {
		case map[string]any:
			v = m[name]
		case Env:
			v = m[name]
		case secret.Value:
			v = nil
			if name == presentField {
				v = m.Present
			}
		case Unknown:
			return Unknown{Path: m.Path + "." + name}
		default:
			return nil
		}
	}
	return v
}

// reveal splits a text at the marks of secrets: a plain string without any, else
// a secret.Text.
func splitMarks(s string) any {
	mark := "\x00" + nonce + ":"
	if !strings.Contains(s, mark) {
		return s
	}
	var t secret.Text
	for {
		before, rest, ok := strings.Cut(s, mark)
		if before != "" {
			t.Parts = append(t.Parts, secret.Part{Text: before})
		}
		if !ok {
			return t
		}
		name, after, _ := strings.Cut(rest, "\x00")
		t.Parts = append(t.Parts, secret.Part{Secret: name})
		s = after
	}
}
