package guard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/guard"
	"runbook/engine/lang"
	"runbook/engine/permit"
	"runbook/engine/source"
	"runbook/engine/types"
)

// probe builds the program that stands for every other: it notes how it was
// called, and answers.
var probe = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "runbook-probe-")
	if err != nil {
		return "", err
	}
	probeDir = dir
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "probe"), "./testdata/probe").CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("the probe cannot be built: %w\n%s", err, out)
	}
	return dir, nil
})

// probeDir is where it is, once somebody wanted it.
var probeDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if probeDir != "" {
		_ = os.RemoveAll(probeDir)
	}
	os.Exit(code)
}

// lab is a world in which every program is the probe.
type lab struct {
	bin, log, dir string
	env           []string
}

// decoys are what the hostile values try to run.
var decoys = []string{"probe", "id", "rm", "touch", "x", "reboot", "sh"}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{bin: t.TempDir(), log: filepath.Join(t.TempDir(), "log"), dir: t.TempDir()}
	dir, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range decoys {
		if err := os.Symlink(filepath.Join(dir, "probe"), filepath.Join(l.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	l.env = []string{"PATH=" + l.bin, "HOME=" + l.dir, "PROBE_LOG=" + l.log, "LC_ALL=C.UTF-8"}
	return l
}

// calls are the programs that ran since the last look.
func (l *lab) calls(t testing.TB) [][]string {
	t.Helper()
	data, err := os.ReadFile(l.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	_ = os.Remove(l.log)
	var out [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var argv []string
		if line != "" && json.Unmarshal([]byte(line), &argv) == nil {
			out = append(out, argv)
		}
	}
	return out
}

func scope() *lang.Scope {
	s := &types.Type{Kind: types.String}
	return &lang.Scope{Vars: []types.Field{{Name: "x", Type: s}, {Name: "y", Type: s}, {Name: "n", Type: &types.Type{Kind: types.Int}}, {Name: "l", Type: &types.Type{Kind: types.List, Elem: s}}}}
}

func prepare(text string, o lang.ScriptOptions) (*lang.Script, source.Diagnostics) {
	f := source.NewFile("x.yaml", []byte(text))
	t := source.NewText(text, source.Span{File: f, End: len(text)}, []source.Segment{{Verbatim: true}})
	var found source.Diagnostics
	s := lang.CompileScript(t, scope(), o, func(d source.Diagnostic) { found = append(found, d) })
	return s, found
}

// bind computes the holes, as a runtime does.
func bind(t testing.TB, s *lang.Script, x string, l []any) guard.Script {
	t.Helper()
	b, err := s.Bind(lang.Env{"x": x, "y": "y", "n": 3, "l": l})
	if err != nil {
		t.Fatal(err)
	}
	return handed(b)
}

// handed is a script as the guard takes it.
func handed(b lang.Bound) guard.Script {
	out := guard.Script{Text: b.Text}
	for _, v := range b.Values {
		if words, ok := v.([]any); ok {
			list := make([]string, len(words))
			for i, w := range words {
				list[i] = w.(string)
			}
			v = list
		}
		out.Values = append(out.Values, v)
	}
	return out
}

// hostile are the values that a hole may hold.
var hostile = []string{
	"", "plain", "; rm -rf /", "$(id >PWNED)", "`id`", "'", `"`, "a\nid\nb", "-n", "--", "*", "~", "~root/x", "日本 é 😀", `\`, `\\$(id)`, "!", "!!", "{a,b}", "a b  c\t d", "$HOME ${PATH}", "&& id", "| id", "> PWNED",
	"#c", "[a-z]", "?", "$'\\x41'", "x[$(id)]", "EOF\nid", "1+1", "\x01\x7f\u202e", "\r", "%s%n", "=", "a=b", strings.Repeat("'\"$(id) `x` \\ *\n", 6000) + "end",
}

// worst are those that every script is run with.
var worst = []string{"", "; rm -rf /", "$(id >PWNED)", "`id`", "'", `"`, "a\nid\nb", "-n", "*", "~", `\\$(id)`, "!", "{a,b}", "a b  c\t d"}

// prepared are scripts with the calls that they must make, and no others; %x
// stands for the value, %L for the words of the list.
var prepared = []struct {
	script string
	want   [][]string
}{
	{`probe {{ .x }}`, w("probe", "%x")},
	{`probe "{{ .x }}"`, w("probe", "%x")},
	{`probe a {{ .x }} b`, w("probe", "a", "%x", "b")},
	{`probe {{ .x }} {{ .x }}{{ .x }}`, w("probe", "%x", "%x%x")},
	{`probe pre{{ .x }}post`, w("probe", "pre%xpost")},
	{`probe --opt={{ .x }}`, w("probe", "--opt=%x")},
	{`probe "<{{ .x }}> and <{{ .x }}>"`, w("probe", "<%x> and <%x>")},
	{`probe 'a'"{{ .x }}"'b'`, w("probe", "a%xb")},
	{`probe -- {{ .x }}`, w("probe", "--", "%x")},
	{`probe {{ .l }}`, w("probe", "%L")},
	{`probe a {{ .l }} b`, w("probe", "a", "%L", "b")},
	{`v={{ .x }}; probe "$v"`, w("probe", "%x")},
	{`v="{{ .x }}"; probe "$v"`, w("probe", "%x")},
	{`v=a{{ .x }}b; w=$v; probe "$w"`, w("probe", "a%xb")},
	{`v={{ .x }}; v+={{ .x }}; probe "$v"`, w("probe", "%x%x")},
	{`export X={{ .x }}; probe --env`, w("probe", "--env", "%x")},
	{`X={{ .x }} probe --env`, w("probe", "--env", "%x")},
	{`readonly R={{ .x }}; probe "$R"`, w("probe", "%x")},
	{`declare D={{ .x }}; probe "$D"`, w("probe", "%x")},
	{`f() { local v={{ .x }}; probe "$v"; }; f`, w("probe", "%x")},
	{`f() { probe "$1" "$#"; }; f {{ .x }}`, w("probe", "%x", "1")},
	{`f() { probe "$@"; }; f {{ .l }}`, w("probe", "%L")},
	{`a=({{ .x }} z); probe "${a[0]}" "${#a[@]}"`, w("probe", "%x", "2")},
	{`a=(a); a+=({{ .x }}); probe "${a[@]}"`, w("probe", "a", "%x")},
	{`a=({{ .l }}); probe "${a[@]}"`, w("probe", "%L")},
	{`set -- {{ .x }} b; probe "$1" "$#"`, w("probe", "%x", "2")},
	{`set -- {{ .l }}; probe "$@"`, w("probe", "%L")},
	{`for i in {{ .x }} b; do probe "$i"; done`, append(w("probe", "%x"), []string{"probe", "b"})},
	{`for i in {{ .l }}; do probe - "$i"; done`, [][]string{{"each", "probe", "-"}}},
	{`case {{ .x }} in "$(probe --print no)never") probe no ;; *) probe yes ;; esac`, append(w("probe", "--print", "no"), []string{"probe", "yes"})},
	{`if [ {{ .x }} = {{ .x }} ]; then probe same; fi`, w("probe", "same")},
	{`if [[ {{ .x }} == {{ .x }} ]]; then probe same; fi`, w("probe", "same")},
	{`if [[ never-this == {{ .x }} ]]; then probe yes; else probe no; fi`, w("probe", "no")},
	{`if [[ never-this != {{ .x }}* ]]; then probe no; else probe yes; fi`, [][]string{{"either"}}},
	{`if [ {{ .x }} = never-this ]; then probe no; else probe yes; fi`, w("probe", "yes")},
	{`if [ {{ .x }} != never-this ]; then probe yes; fi`, w("probe", "yes")},
	{`if [ ! {{ .x }} = {{ .x }} ]; then probe no; else probe yes; fi`, w("probe", "yes")},
	{`if test {{ .x }} == {{ .x }}; then probe yes; fi`, w("probe", "yes")},
	{`v={{ .x }}; if [ "$v" = "$v" ]; then probe yes; fi`, w("probe", "yes")},
	{`if [ -z {{ .x }} ] || [ -n {{ .x }} ]; then probe yes; fi`, w("probe", "yes")},
	{`if [ -z {{ .x }} ] && [ -n {{ .x }} ]; then probe no; else probe yes; fi`, w("probe", "yes")},
	{`if [ -n {{ .x }} ]; then probe {{ .x }}; fi`, [][]string{{"unless empty"}}},
	{`if [ {{ .x }} ]; then probe {{ .x }}; fi`, [][]string{{"unless empty"}}},
	{`if [[ -n {{ .x }} ]]; then probe {{ .x }}; fi`, [][]string{{"unless empty"}}},
	{`if [ -n {{ .x }}a ]; then probe {{ .x }}; fi`, w("probe", "%x")},
	{`( probe {{ .x }} )`, w("probe", "%x")},
	{`{ probe {{ .x }}; }`, w("probe", "%x")},
	{`true && probe {{ .x }}`, w("probe", "%x")},
	{`false || probe {{ .x }}`, w("probe", "%x")},
	{`! false && probe {{ .x }}`, w("probe", "%x")},
	{`if ! [ a = b ]; then probe {{ .x }}; fi`, w("probe", "%x")},
	{`while true; do probe {{ .x }}; break; done`, w("probe", "%x")},
	{`until false; do probe {{ .x }}; break; done`, w("probe", "%x")},
	{`for ((i = 0; i < {{ .n }}; i++)); do probe {{ .x }} "$i"; done`, append(append(w("probe", "%x", "0"), []string{"probe", "%x", "1"}), []string{"probe", "%x", "2"})},
	{`probe $(( {{ .n }} + 1 )) {{ .x }}`, w("probe", "4", "%x")},
	{`v=$(printf '%s.' {{ .x }}); probe "${v%.}"`, w("probe", "%x")},
	{`v=$(probe --print {{ .x }}.); probe "${v%.}"`, append(w("probe", "--print", "%x."), []string{"probe", "%x"})},
	{`probe "$(printf '%s.' "{{ .x }}")"`, w("probe", "%x.")},
	{`printf '%s' {{ .x }} | probe --stdin`, w("probe", "--stdin", "%x")},
	{"probe --stdin <<EOF\n[{{ .x }}]\nEOF", w("probe", "--stdin", "[%x]\n")},
	{"probe --stdin <<-EOF\n\t[{{ .x }}]\n\tEOF", w("probe", "--stdin", "[%x]\n")},
	{`probe --stdin <<< {{ .x }}`, w("probe", "--stdin", "%x\n")},
	{`probe --stdin <<< "a {{ .x }}"`, w("probe", "--stdin", "a %x\n")},
	{`command probe {{ .x }}`, w("probe", "%x")},
	{`probe {{ .x }} >/dev/null 2>&1`, w("probe", "%x")},
	{`probe {{ .x | toString }}`, w("probe", "%x")},
	{`probe {{ printf "%s-%s" .x .y }}`, w("probe", "%x-y")},
	{`probe {{ .y }}{{ .x }}`, w("probe", "y%x")},
	{`probe a\ b{{ .x }}`, w("probe", "a b%x")},
	{"probe \\\n  {{ .x }} \\\n  b", w("probe", "%x", "b")},
	{`probe {a,b}`, append([][]string(nil), []string{"probe", "a", "b"})},
	{`v={{ .x }}; probe "${v:-none}"`, [][]string{{"default"}}},
	{`v={{ .x }}; probe "${#v}"`, [][]string{{"length"}}},
	{`v={{ .x }}; probe "${v/never-this/b}" "${v@Q}"`, nil},
	{`shopt -s nullglob; probe {{ .x }}`, w("probe", "%x")},
	{`set -f; probe {{ .x }}`, w("probe", "%x")},
	{`IFS=,; probe {{ .x }}`, w("probe", "%x")},
}

func w(words ...string) [][]string { return [][]string{words} }

// want fills a value into what is expected; nil says that only the absence of
// any other program is wanted.
func want(calls [][]string, x string, l []any) [][]string {
	var out [][]string
	for _, argv := range calls {
		switch argv[0] {
		case "each":
			for _, v := range l {
				out = append(out, append(append([]string{}, argv[1:]...), v.(string)))
			}
			continue
		case "unless empty":
			if x != "" {
				out = append(out, []string{"probe", x})
			}
			continue
		case "default":
			out = append(out, []string{"probe", map[bool]string{true: "none", false: x}[x == ""]})
			continue
		case "length":
			out = append(out, []string{"probe", fmt.Sprint(len([]rune(x)))})
			continue
		}
		var words []string
		for _, a := range argv {
			if a == "%L" {
				for _, v := range l {
					words = append(words, v.(string))
				}
				continue
			}
			words = append(words, strings.ReplaceAll(a, "%x", x))
		}
		out = append(out, words)
	}
	return out
}

// either is the one test in which a pattern stands behind a quoted hole.
func either(calls [][]string) bool { return len(calls) == 1 && calls[0][0] == "either" }

func (l *lab) run(t testing.TB, g *guard.Guard, s guard.Script, interpreter []string) (guard.Output, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return g.RunScript(ctx, guard.ScriptRun{Script: s, Action: true, Dir: l.dir, Interpreter: interpreter})
}

// clean reports files that a script left in its folder.
func (l *lab) clean(t testing.TB) bool {
	t.Helper()
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("the script left %s", e.Name())
		_ = os.RemoveAll(filepath.Join(l.dir, e.Name()))
	}
	return len(entries) == 0
}

// TestHolesAreWords runs every script with every value in the embedded shell:
// the probe is called with the words expected, and nothing else happens.
func TestHolesAreWords(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	g := guard.New(permit.Set{Act: []string{"probe"}}, guard.Options{Env: l.env})
	defer g.Close()
	holes(t, l, g, lang.ScriptOptions{}, nil)
}

// TestHolesAreWordsInBash is the same with a real bash.
func TestHolesAreWordsInBash(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	bash := "/bin/bash"
	if _, err := os.Stat(bash); err != nil {
		t.Skip("there is no bash here")
	}
	g := guard.New(permit.Set{Act: []string{bash}}, guard.Options{Env: l.env})
	defer g.Close()
	holes(t, l, g, lang.ScriptOptions{Interpreter: bash}, []string{bash})
}

func holes(t *testing.T, l *lab, g *guard.Guard, o lang.ScriptOptions, interpreter []string) {
	for i, c := range prepared {
		if interpreter != nil && strings.Contains(c.script, ".l }}") {
			continue // lists are refused there, see TestListsAreRefusedInBash
		}
		s, found := prepare(c.script, o)
		if s == nil {
			t.Errorf("%s: %s: %s", c.script, found[0].Summary, found[0].Detail)
			continue
		}
		for _, x := range valuesFor(i) {
			list := []any{x, "b c", x}
			out, err := l.run(t, g, bind(t, s, x, list), interpreter)
			got := l.calls(t)
			if len(got) == 0 && len(x) > 1<<15 && strings.Contains(strings.ToLower(out.Stderr), "argument list too long") {
				continue // the kernel takes no word of more than 128 KiB, and says so
			}
			if err != nil || out.Exit != 0 && c.want != nil {
				t.Errorf("%s with %.60q: exit %d, %v, %.300s", c.script, x, out.Exit, err, out.Stderr)
			}
			checkCalls(t, c.script, x, got, c.want, list)
			l.clean(t)
		}
	}
}

// valuesFor are the values for one script: the worst, and some of the others in
// turn, because each run starts processes.
func valuesFor(i int) []string {
	n := len(worst)
	return append(worst[:n:n], hostile[3*i%len(hostile)], hostile[(3*i+1)%len(hostile)], hostile[(3*i+2)%len(hostile)])
}

func checkCalls(t *testing.T, script, x string, got, calls [][]string, list []any) {
	t.Helper()
	for _, argv := range got {
		if argv[0] != "probe" {
			t.Fatalf("%s with %.60q ran %.200q", script, x, argv)
		}
	}
	if calls == nil || either(calls) && len(got) == 1 {
		return
	}
	expect := want(calls, x, list)
	if len(got)+len(expect) > 0 && !reflect.DeepEqual(got, expect) && !sameSet(script, got, expect) {
		t.Errorf("%s with %.60q called\n%.300q, want\n%.300q", script, x, got, expect)
	}
}

// sameSet: programs that run at once note their calls in any order.
func sameSet(script string, got, want [][]string) bool {
	return strings.Contains(script, "|") && len(got) == 2 && len(want) == 2 && reflect.DeepEqual([][]string{got[1], got[0]}, want)
}

func TestTheTableIsLargeEnough(t *testing.T) {
	if len(prepared) < 40 || len(hostile) < 8 {
		t.Errorf("%d scripts and %d values", len(prepared), len(hostile))
	}
}

// TestTheProbeSeesWhatIsRun proves the lab: a script that runs a value is seen.
func TestTheProbeSeesWhatIsRun(t *testing.T) {
	l := newLab(t)
	g := guard.New(permit.Set{Act: []string{"probe", "id"}, Write: []string{l.dir}}, guard.Options{Env: l.env})
	defer g.Close()
	out, err := l.run(t, g, guard.Script{Text: `eval "${__rb0}"`, Values: []any{"probe a b; id >PWNED"}}, nil)
	if err != nil || out.Exit != 0 {
		t.Fatalf("%+v %v", out, err)
	}
	if got := l.calls(t); !reflect.DeepEqual(got, [][]string{{"probe", "a", "b"}, {"id"}}) {
		t.Errorf("the probe saw %q", got)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "PWNED")); err != nil {
		t.Error("the file that was written is not seen")
	}
}

func TestListsAreRefusedInBash(t *testing.T) {
	s, found := prepare(`probe {{ .l }}`, lang.ScriptOptions{Interpreter: "bash"})
	if s != nil || len(found) == 0 || !strings.Contains(found[0].Summary+found[0].Detail, "interpreter") {
		t.Errorf("got %v %v", s, found)
	}
}
