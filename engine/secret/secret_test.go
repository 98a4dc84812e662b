package secret

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

const token = "pat-na1/+'\"x 0123é"

func known(t testing.TB, values ...string) *Masker {
	t.Helper()
	m := NewMasker()
	for _, v := range values {
		if err := m.Add("tok", v); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestEveryFormIsMasked(t *testing.T) {
	m := known(t, token)
	for name, form := range map[string]string{
		"raw": token, "query": url.QueryEscape(token), "path": url.PathEscape(token), "hex": hex.EncodeToString([]byte(token)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(token))),
		"base64": base64.StdEncoding.EncodeToString([]byte(token)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(token)), "json": jsonForm(token), "shell": strings.ReplaceAll(token, "'", `'\''`),
	} {
		if got := m.MaskString("a " + form + " b"); strings.Contains(got, form) || !strings.HasPrefix(got, "a ‹***›") || !strings.HasSuffix(got, " b") {
			t.Errorf("%s: %q", name, got)
		}
	}
	for pad := 0; pad < 3; pad++ {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("u", pad) + token + "zzz"))
		got := m.MaskString(text)
		if dec, err := base64.StdEncoding.DecodeString(got); err == nil && strings.Contains(string(dec), token) || !strings.Contains(got, Mask) {
			t.Errorf("alignment %d: %q of %q", pad, got, text)
		}
	}
}

func TestMaskValue(t *testing.T) {
	m := known(t, "secret-value-1")
	in := map[string]any{"a": "secret-value-1", "b": []any{"x secret-value-1 y", 3}, "k secret-value-1": true, "v": Value{Name: "n"}, "t": Text{[]Part{{Text: "B "}, {Secret: "n"}}}}
	want := map[string]any{"a": map[string]any{MaskedKey: "tok"}, "b": []any{"x ‹***› y", 3}, "k ‹***›": true, "v": map[string]any{MaskedKey: "n"}, "t": "B ‹***›"}
	if got := m.MaskValue(in); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
	if in["a"] != "secret-value-1" {
		t.Error("the tree given was changed")
	}
}

func TestAddRefuses(t *testing.T) {
	m := NewMasker()
	for _, v := range []string{"", "short", "completed"} {
		if err := m.Add("tok", v); err == nil || strings.Contains(v, "short") && strings.Contains(err.Error(), v) {
			t.Errorf("%q: %v", v, err)
		}
	}
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tok")
	if err := os.WriteFile(file, []byte("from-a-file-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(n string) (string, bool) {
		v, ok := map[string]string{"TOK": "from-the-env", "SHORT": "abc"}[n]
		return v, ok
	}
	calls := 0
	var mu sync.Mutex
	s := NewStore(NewMasker(), []Source{{Name: "e", Env: "TOK"}, {Name: "f", File: file}, {Name: "c", Command: []string{"prog"}}, {Name: "no", Env: "NONE"}, {Name: "opt", Env: "NONE", Optional: true},
		{Name: "short", Env: "SHORT"}, {Name: "bad", Command: []string{"fails"}}}, env, func(_ context.Context, argv []string) (string, error) {
		mu.Lock()
		calls++
		mu.Unlock()
		if argv[0] == "fails" {
			return "", errors.New("exit status 3")
		}
		return "from-command-1\n", nil
	})
	for name, want := range map[string]string{"e": "from-the-env", "f": "from-a-file-1", "c": "from-command-1", "opt": ""} {
		if got, err := s.Get(context.Background(), name); err != nil || got != want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	for name, says := range map[string]string{"no": "set NONE", "short": "at least 8", "bad": "exit status 3", "lost.value": "collect it again"} {
		if v, err := s.Get(context.Background(), name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %q %v", name, v, err)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() { defer wg.Done(); _, _ = s.Get(context.Background(), "c") }()
	}
	wg.Wait()
	if calls != 2 {
		t.Errorf("%d commands were run", calls)
	}
	if err := s.Set("m.value", "collected-123"); err != nil || s.Masker.MaskString("x collected-123") != "x ‹***›" || !s.Present("m.value") || s.Present("no") || !s.Present("f") {
		t.Error("a collected secret is not held or not masked")
	}
}

func TestReveal(t *testing.T) {
	get := func(name string) (string, error) {
		if name == "gone" {
			return "", errors.New("gone")
		}
		return "<" + name + ">", nil
	}
	in := map[string]any{"a": Text{[]Part{{Text: "Bearer "}, {Secret: "t"}}}, "l": []any{Value{Name: "v", Present: true}, Value{Name: "x"}, 1}}
	got, err := Reveal(in, get)
	if want := (map[string]any{"a": "Bearer <t>", "l": []any{"<v>", "", 1}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v %v", got, err)
	}
	if _, err := Reveal(Text{[]Part{{Secret: "gone"}}}, get); err == nil {
		t.Error("no error")
	}
}

// TestAFetchThatFailedIsTriedAgain: a step whose time was up must not take the
// secret away from the steps behind it.
func TestAFetchThatFailedIsTriedAgain(t *testing.T) {
	n := 0
	s := NewStore(NewMasker(), []Source{{Name: "key", Command: []string{"vault"}}}, nil, func(ctx context.Context, _ []string) (string, error) {
		n++
		return "secret-number-1", ctx.Err()
	})
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Get(over, "key"); err == nil {
		t.Fatal("fetched in a time that was over")
	}
	for range 2 {
		if v, err := s.Get(context.Background(), "key"); err != nil || v != "secret-number-1" {
			t.Errorf("got %q %v", v, err)
		}
	}
	if n != 2 {
		t.Errorf("fetched %d times, want 2", n)
	}
}

// TestTake: what came back is handed on as the secret that it is, and nobody
// outside can name one.
func TestTake(t *testing.T) {
	m := NewMasker()
	if err := m.Add("key", "secret-number-1"); err != nil {
		t.Fatal(err)
	}
	got := m.Take(map[string]any{"whole": "secret-number-1", "part": "a secret-number-1", "list": []any{"secret-number-1"}, "forged": map[string]any{MaskedKey: "key"}})
	b, err := json.Marshal(got)
	if want := `{"forged":{"$$masked":"key"},"list":[{"$masked":"key"}],"part":"a ‹***›","whole":{"$masked":"key"}}`; err != nil || string(b) != want {
		t.Errorf("got %s %v, want %s", b, err, want)
	}
	var back any
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(Opaque(back), got) {
		t.Errorf("got %v, want %v", Opaque(back), got)
	}
}
