package lang

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"runbook/engine/source"
	"runbook/engine/types"
)

func scriptScope() *Scope {
	s := testScope()
	return s.Add(types.Field{Name: "x", Type: str()}, types.Field{Name: "l", Type: &types.Type{Kind: types.List, Elem: str()}}, types.Field{Name: "n", Type: &types.Type{Kind: types.Int}})
}

func compileIn(text string, s *Scope) (*Script, source.Diagnostics) {
	f := source.NewFile("x.yaml", []byte(text))
	t := source.NewText(text, source.Span{File: f, End: len(text)}, []source.Segment{{Verbatim: true}})
	var found source.Diagnostics
	script := CompileScript(t, s, ScriptOptions{}, func(d source.Diagnostic) { found = append(found, d) })
	return script, found
}

func compileScript(text string, o ScriptOptions) (*Script, source.Diagnostics) {
	f := source.NewFile("x.yaml", []byte(text))
	t := source.NewText(text, source.Span{File: f, End: len(text)}, []source.Segment{{Verbatim: true}})
	var found source.Diagnostics
	s := CompileScript(t, scriptScope(), o, func(d source.Diagnostic) { found = append(found, d) })
	return s, found
}

// runScript runs prepared text in the embedded shell; `show` prints its
// arguments so that each word can be told.
func runScript(t *testing.T, dir string, b Bound) (string, error) {
	t.Helper()
	file, err := parseShell(b.Text)
	if err != nil {
		t.Fatal(err)
	}
	vars := holeVars{}
	for i, v := range b.Values {
		x := expand.Variable{Set: true, ReadOnly: true, Kind: expand.String}
		switch v := v.(type) {
		case string:
			x.Str = v
		case []any:
			x.Kind = expand.Indexed
			for _, w := range v {
				x.List = append(x.List, w.(string))
			}
		}
		vars[fmt.Sprintf("__rb%d", i)] = x
	}
	vars["HOME"] = expand.Variable{Set: true, Kind: expand.String, Str: "/home/me"}
	var out bytes.Buffer
	show := func(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
		return func(ctx context.Context, args []string) error {
			switch args[0] {
			case "show":
				fmt.Fprintf(interp.HandlerCtx(ctx).Stdout, "%q", args[1:])
				return nil
			case "id":
				return os.WriteFile(filepath.Join(dir, "PWNED"), nil, 0o600)
			}
			return next(ctx, args)
		}
	}
	r, err := interp.New(interp.Env(vars), interp.StdIO(nil, &out, &out), interp.Dir(dir), interp.Params("-e", "-u", "-o", "pipefail"), interp.ExecHandlers(show))
	if err != nil {
		t.Fatal(err)
	}
	err = r.Run(context.Background(), file)
	return out.String(), err
}

type holeVars map[string]expand.Variable

func (h holeVars) Get(name string) expand.Variable { return h[name] }
func (h holeVars) Each(f func(string, expand.Variable) bool) {
	for k, v := range h {
		if !f(k, v) {
			return
		}
	}
}

var hostile = []string{"", "a b  *", "$(id >out/PWNED);`id`", "-rf", "it's \"q\" \\ \n EOF\nx", "x[$(id >out/PWNED)]", "~/..", "{a,b}"}

// prepared are scripts with the one line that they must print; %s is the value
// as one quoted word.
var prepared = []struct{ script, want string }{
	{`show {{ .x }}`, "[%s]"}, {`show "{{ .x }}"`, "[%s]"}, {`show a {{ .x }} b`, `["a" %s "b"]`}, {`show {{ .x }} {{ .x }}`, "[%s %s]"},
	{`show $(show {{ .x }})`, ""}, {`show "$(printf '%s' {{ .x }})"`, ""}, {`v={{ .x }}; show "$v"`, "[%s]"}, {`v="{{ .x }}"; show "$v"`, "[%s]"},
	{`export W={{ .x }}; show "$W"`, "[%s]"}, {`a=({{ .x }} z); show "${a[0]}" "${#a[@]}"`, `[%s "2"]`}, {`for i in {{ .x }}; do show "$i"; done`, "[%s]"},
	{`f() { show "$1"; }; f {{ .x }}`, "[%s]"}, {`case {{ .x }} in q) show no;; *) show yes;; esac`, `["yes"]`}, {`[[ {{ .x }} == {{ .x }} ]] && show same`, `["same"]`},
	{`[[ abc == {{ .x }} ]] && show yes || show no`, `["no"]`}, {`if [ {{ .x }} = {{ .x }} ]; then show same; fi`, `["same"]`}, {`( show {{ .x }} )`, "[%s]"}, {`{ show {{ .x }}; }`, "[%s]"},
	{`true && show {{ .x }}`, "[%s]"}, {`false || show {{ .x }}`, "[%s]"}, {`! false && show {{ .x }}`, "[%s]"}, {`show {{ .x }} | cat_stub || true`, ""},
	{`local_f() { local v={{ .x }}; show "$v"; }; local_f`, "[%s]"}, {`readonly R={{ .x }}; show "$R"`, "[%s]"}, {`declare D={{ .x }}; show "$D"`, "[%s]"},
	{`set -- {{ .x }}; show "$1" "$#"`, `[%s "1"]`}, {`while true; do show {{ .x }}; break; done`, "[%s]"}, {`until false; do show {{ .x }}; break; done`, "[%s]"},
	{`show -- {{ .x }}`, `["--" %s]`}, {`show --opt={{ .x }}`, ""}, {`show pre{{ .x }}post`, ""}, {`show "<{{ .x }}>"`, ""}, {`v={{ .x }}; w=$v; show "$w"`, "[%s]"},
	{`arr=(a); arr+=({{ .x }}); show "${arr[1]}"`, "[%s]"}, {`out=$(printf '%s.' {{ .x }}); show "${out%.}"`, "[%s]"}, {`v={{ .x }}; show "${v}"`, "[%s]"},
	{`if true; then show {{ .x }}; else show no; fi`, "[%s]"}, {`show {{ .x | toString }}`, "[%s]"}, {`X={{ .x }} show ok`, `["ok"]`}, {`time show {{ .x }}`, ""},
	{"cat_stub <<EOF || show done\n[{{ .x }}]\nEOF", `["done"]`}, {`cat_stub <<< {{ .x }} || show done`, `["done"]`}, {`show $(( {{ .n }} + 1 ))`, `["4"]`}, {`show {{ .l }}`, ""},
}

func TestAHoleIsOneWord(t *testing.T) {
	if len(prepared) < 40 {
		t.Fatalf("only %d scripts", len(prepared))
	}
	for _, c := range prepared {
		s, found := compileScript(c.script, ScriptOptions{})
		if s == nil {
			t.Errorf("%s: %s %s", c.script, found[0].Summary, found[0].Detail)
			continue
		}
		for _, v := range hostile {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "out"), 0o700); err != nil {
				t.Fatal(err)
			}
			env := testEnv()
			env["x"], env["n"], env["l"] = v, 3, []any{v, v}
			b, err := s.Bind(env)
			if err != nil {
				t.Errorf("%s with %q: %v", c.script, v, err)
				continue
			}
			out, _ := runScript(t, dir, b)
			for _, p := range []string{"PWNED", "out/PWNED"} {
				if _, err := os.Stat(filepath.Join(dir, p)); err == nil {
					t.Errorf("%s with %q ran the value", c.script, v)
				}
			}
			checkWords(t, c.script, c.want, v, out)
		}
	}
}

func checkWords(t *testing.T, script, want, v, out string) {
	t.Helper()
	q := fmt.Sprintf("%q", v)
	switch {
	case script == `show {{ .l }}`:
		want = fmt.Sprintf("[%s %s]", q, q)
	case script == `show --opt={{ .x }}`:
		want = fmt.Sprintf("%q", []string{"--opt=" + v})
	case script == `show pre{{ .x }}post`:
		want = fmt.Sprintf("%q", []string{"pre" + v + "post"})
	case script == `show "<{{ .x }}>"`:
		want = fmt.Sprintf("%q", []string{"<" + v + ">"})
	case want == "":
		return // the point is that nothing was run
	default:
		want = strings.ReplaceAll(want, "%s", q)
	}
	if !strings.Contains(out, want) {
		t.Errorf("%s with %q printed %s, want %s", script, v, out, want)
	}
}

func TestScriptRefuses(t *testing.T) {
	for in, says := range map[string]string{
		`show '{{ .x }}'`: "single quotes", `show $'{{ .x }}'`: "single quotes", "cat <<'EOF'\n{{ .x }}\nEOF": "here-document", `show ${y:-{{ .x }}}`: "pattern or an index",
		`show "${y:-{{ .x }}}"`: "pattern or an index", `y=a; show ${y/b/{{ .x }}}`: "", `y=a; show ${y#{{ .x }}}`: "", `show $(( {{ .x }} + 1 ))`: "only an int", `(( {{ .x }} ))`: "only an int",
		`[[ {{ .x }} -eq 0 ]]`: "only an int", `case a in {{ .x }}) show;; esac`: "pattern", `{{ .x }} arg`: "command's name", "# {{ .x }}\nshow": "comment", "show `printf {{ .x }}`": "$( )",
		`eval show {{ .x }}`: "run as a script", `printf -v {{ .x }} hi`: "printf -v", `a=(1); show ${a[{{ .x }}]}`: "", `show +({{ .x }})`: "pattern", `declare {{ .x }}`: "name a variable",
		`trap {{ .x }} EXIT`: "run as a script", `a[{{ .x }}]=1`: "", `show \{{ .x }}`: "", `sh -c {{ .x }}`: "runs it", `bash -c "echo {{ .x }}"`: "runs it", `jq ".a == {{ .x }}"`: "program",
		`awk {{ .x }} f`: "program", `sed "s/{{ .x }}/b/" f`: "program", `python3 -c {{ .x }}`: "runs it", `source {{ .x }}`: "file to run", `unset {{ .x }}`: "names a variable", `read {{ .x }}`: "names a variable",
		`export {{ .x }}`: "name a variable", `let "a={{ .x }}"`: "", `show {{ if .x }}a{{ end }}`: "one value", `show {{- .x }}`: "trim", `show {{ .nope }}`: "unknown name", `show {{ .x`: "not closed",
		`umask 077`: "no `umask`", `coproc cat`: "no `coproc`", `read -t 1 x`: "no `read`", `exec 3>f`: "no `exec`", `echo x > /dev/tcp/h/1`: "/dev/tcp", `jobs`: "no `jobs`",
		`if true; then`: "cannot read", `show "{{ .l }}"`: "list", `show pre{{ .l }}`: "list", `show $__rb0`: "belong to the engine", `ssh host {{ .x }}`: "script", "show \"`echo {{ .x }}`\"": "$( )",
	} {
		s, found := compileScript(in, ScriptOptions{})
		if s != nil {
			t.Errorf("%s was accepted as %s", in, s.final)
			continue
		}
		if len(found) == 0 || !strings.Contains(found[0].Summary+" "+found[0].Detail, says) || found[0].Span.IsZero() {
			t.Errorf("%s: %v; want %q", in, found, says)
		}
	}
}

func TestScriptPlaces(t *testing.T) {
	in := "echo {{ .x }}\n  foo {{ printf \"}}\" }} | ("
	_, found := compileScript(in, ScriptOptions{})
	if len(found) == 0 || in[found[0].Span.Start] != '(' {
		t.Errorf("the place is %v", found)
	}
}

func TestScriptCommands(t *testing.T) {
	s, found := compileScript(`f() { aws s3 ls "$1"; }; f {{ .x }}; echo hi | kubectl get pods -n {{ .x }}; X=1 'ku'bectl "rollout" status; command docker ps; $(gh auth token)`, ScriptOptions{})
	if s == nil {
		t.Fatal(found)
	}
	var got []string
	for _, c := range s.Commands {
		got = append(got, fmt.Sprint(c.Words, c.Whole))
	}
	want := "[aws s3 ls] false|[kubectl get pods -n] false|[kubectl rollout status] true|[docker ps] true|[] false|[gh auth token] true"
	if strings.Join(got, "|") != strings.ReplaceAll(want, "[] false|", "") {
		t.Errorf("got %s", strings.Join(got, "|"))
	}
}

func TestMissingIsReallyMissing(t *testing.T) {
	for name := range missing {
		out, err := runScript(t, t.TempDir(), Bound{Text: "set +e; " + name + " >/dev/null; show $?"})
		if err == nil && strings.Contains(out, `["0"]`) {
			t.Errorf("the embedded shell has %s: %s", name, out)
		}
	}
}

func TestScriptWarnsOfOptions(t *testing.T) {
	_, found := compileScript("kubectl delete {{ .x }}; kubectl delete -- {{ .x }}; kubectl get -n {{ .x }}", ScriptOptions{})
	if len(found) != 1 || found[0].Severity != source.Warning || found[0].Span.Start != 15 {
		t.Errorf("got %v", found)
	}
}

func TestInterpreter(t *testing.T) {
	if s, _ := compileScript("print('hi')", ScriptOptions{Interpreter: "python3"}); s == nil {
		t.Error("a program without holes was refused")
	}
	if s, _ := compileScript("print('{{ .x }}')", ScriptOptions{Interpreter: "python3"}); s != nil {
		t.Error("a hole in a Python program was accepted")
	}
	if s, found := compileScript("umask 077; show {{ .x }}", ScriptOptions{Interpreter: "/bin/bash"}); s == nil {
		t.Error(found)
	}
}

func FuzzScript(f *testing.F) {
	for _, c := range prepared {
		f.Add(c.script, "v")
	}
	for _, c := range refused {
		f.Add(strings.NewReplacer("«", "", "»", "").Replace(c.script), "v")
	}
	f.Fuzz(func(t *testing.T, text, v string) {
		s, found := compileScript(text, ScriptOptions{})
		placed(t, s == nil, found, len(text))
		if s == nil {
			return
		}
		env := testEnv()
		env["x"], env["n"], env["l"] = v, 3, []any{v}
		_, _ = s.Bind(env)
		_ = s.Preview(env)
	})
}
