package lang

import (
	"strings"
	"testing"

	"runbook/engine/source"
)

// refused are placements of a hole, marked with « and », that no quoting makes
// safe, each with a word of the reason.
var refused = []struct{ script, says string }{
	{`show '«{{ .x }}»'`, "single quotes"}, {`show $'«{{ .x }}»'`, "single quotes"}, {`show "a" 'b «{{ .x }}» c'`, "single quotes"},
	{"cat <<'EOF'\n«{{ .x }}»\nEOF", "here-document"}, {"cat <<\\EOF\n«{{ .x }}»\nEOF", "here-document"}, {"cat <<\"EOF\"\n«{{ .x }}»\nEOF", "here-document"},
	{`show \«{{ .x }}»`, "escape"}, {"# «{{ .x }}»\nshow", "comment"}, {"show `printf «{{ .x }}»`", "$( )"}, {"show \"`printf «{{ .x }}»`\"", "$( )"},
	{`show ${y:-«{{ .x }}»}`, "pattern or an index"}, {`show "${y:-«{{ .x }}»}"`, "pattern or an index"}, {`show ${y#«{{ .x }}»}`, "pattern"}, {`show "${y//«{{ .x }}»/b}"`, "pattern"}, {`show ${y/b/«{{ .x }}»}`, "pattern"},
	{`show ${y:«{{ .x }}»}`, "${"}, {`show ${a[«{{ .x }}»]}`, ""}, {`a[«{{ .x }}»]=1`, ""}, {`show "${a[«{{ .x }}»]}"`, ""},
	{`case a in «{{ .x }}») show;; esac`, "pattern"}, {`case a in a*«{{ .x }}») show;; esac`, "pattern"}, {`show +(«{{ .x }}»)`, "pattern"}, {`show @(a|«{{ .x }}»)`, "pattern"},
	{`«{{ .x }}» arg`, "command's name"}, {`"«{{ .x }}»" arg`, "command's name"}, {`a«{{ .x }}»`, "command's name"}, {`command «{{ .x }}» a`, "command"}, {`exec «{{ .x }}»`, "command"}, {`env A=1 «{{ .x }}»`, "command"}, {`sudo -n «{{ .x }}»`, "command"}, {`timeout 5 «{{ .x }}»`, "command"}, {`builtin «{{ .x }}»`, "command"},
	{`eval show «{{ .x }}»`, "run as a script"}, {`eval "show «{{ .x }}»"`, "run as a script"}, {`command eval "«{{ .x }}»"`, "run as a script"}, {`trap «{{ .x }}» EXIT`, "run as a script"}, {`trap "rm «{{ .x }}»" EXIT`, "run as a script"}, {`alias a=«{{ .x }}»`, "run as a script"},
	{`source «{{ .x }}»`, "file to run"}, {`. «{{ .x }}»`, "file to run"}, {`declare «{{ .x }}»`, "name a variable"}, {`declare "«{{ .x }}»=1"`, "name a variable"}, {`export «{{ .x }}»`, "name a variable"}, {`readonly «{{ .x }}»`, "name a variable"}, {`local «{{ .x }}»`, "name a variable"},
	{`declare -i n=«{{ .x }}»`, "evaluates"}, {`declare -n n=«{{ .x }}»`, "evaluates"}, {`unset «{{ .x }}»`, "names a variable"}, {`read «{{ .x }}»`, "names a variable"}, {`mapfile «{{ .x }}»`, "names a variable"}, {`getopts ab «{{ .x }}»`, "names a variable"},
	{`let "a=«{{ .x }}»"`, "only an int"}, {`(( «{{ .x }}» ))`, "only an int"}, {`show $(( «{{ .x }}» + 1 ))`, "only an int"}, {`for ((i = «{{ .x }}»; i < 2; i++)); do show; done`, "only an int"},
	{`[[ «{{ .x }}» -eq 0 ]]`, "only an int"}, {`[[ 0 -lt «{{ .x }}» ]]`, "only an int"}, {`[ «{{ .x }}» -eq 0 ]`, "int"}, {`test 0 -gt «{{ .x }}»`, "int"}, {`[[ -v «{{ .x }}» ]]`, "name a variable"}, {`[ -v «{{ .x }}» ]`, "name a variable"},
	{`printf «{{ .x }}» a`, "printf '%s'"}, {`sh -c «{{ .x }}»`, "runs it"}, {`bash -c "echo «{{ .x }}»"`, "runs it"}, {`bash -xc "echo «{{ .x }}»"`, "runs it"}, {`bash -o pipefail -c "«{{ .x }}»"`, "runs it"}, {`/bin/bash -e -u -c «{{ .x }}»`, "runs it"}, {`bash «{{ .x }}»`, "file to run"},
	{`env A=1 sh -c «{{ .x }}»`, "runs it"}, {`sudo -n bash -lc "a «{{ .x }}»"`, "runs it"}, {`timeout 5 sh -c «{{ .x }}»`, "runs it"}, {`kubectl exec pod -- sh -c "ls «{{ .x }}»"`, "runs it"}, {`docker exec c bash -c «{{ .x }}»`, "runs it"}, {`find . -exec sh -c «{{ .x }}» \;`, "runs it"},
	{"bash <<EOF\necho «{{ .x }}»\nEOF", "runs what it reads"}, {`bash <<< "echo «{{ .x }}»"`, "runs what it reads"}, {`echo «{{ .x }}» | sh`, "piped"}, {`printf '%s' «{{ .x }}» | bash -s`, "piped"}, {"python3 - <<EOF\n«{{ .x }}»\nEOF", "runs what it reads"}, {"psql -d db <<EOF\nselect «{{ .x }}»\nEOF", "runs what it reads"},
	{`jq ".a == «{{ .x }}»" f`, "program"}, {`jq -r ".a == \"«{{ .x }}»\""`, "program"}, {`jq --arg a b "«{{ .x }}»"`, "program"}, {`jq --arg «{{ .x }}» b .`, "name a variable"}, {`awk «{{ .x }}» f`, "program"}, {`awk -F : -v a=b "/«{{ .x }}»/"`, "program"}, {`sed "s/«{{ .x }}»/b/" f`, "program"}, {`sed -n -e "/«{{ .x }}»/p" f`, "runs it"}, {`sed -i "s/a/«{{ .x }}»/" f`, "program"}, {`sed -e's/«{{ .x }}»/b/' f`, "quotes"}, {`yq ".«{{ .x }}»"`, "program"},
	{`python3 -c "print(«{{ .x }}»)"`, "runs it"}, {`python3 -u -c «{{ .x }}»`, "runs it"}, {`python3 -c"«{{ .x }}»"`, "runs it"}, {`perl -ne "print «{{ .x }}»"`, "runs it"}, {`ruby -e «{{ .x }}»`, "runs it"}, {`node --eval=«{{ .x }}»`, "runs it"}, {`psql -c "select «{{ .x }}»"`, "runs it"}, {`mysql -u a -e "«{{ .x }}»"`, "runs it"}, {`php -r «{{ .x }}»`, "runs it"}, {`su -c «{{ .x }}»`, "runs it"},
	{`ssh host «{{ .x }}»`, "script"}, {`ssh host "ls «{{ .x }}»"`, "script"}, {`xargs «{{ .x }}»`, "run"}, {`PS4=«{{ .x }}»`, "decides"}, {`PATH="$PATH:«{{ .x }}»" show`, "decides"}, {`IFS=«{{ .x }}» read a`, "decides"}, {`export LD_PRELOAD=«{{ .x }}»`, "decides"},
	{`v={{ .x }}; «$v» a`, "command's name"}, {`v={{ .x }}; "«$v»"`, "command's name"}, {`v=$(printf '%s' {{ .x }}); "«$v»"`, "command's name"}, {`v={{ .x }}; w=a$v; eval "«$w»"`, "run as a script"}, {`v={{ .x }}; sh -c "echo «$v»"`, "runs it"}, {`v={{ .x }}; jq ".a == «$v»"`, "program"}, {`for i in {{ .l }}; do "«$i»"; done`, "command's name"}, {`v={{ .x }}; trap "rm «$v»" EXIT`, "run as a script"},
	{`set -- {{ .x }}; "«$1»"`, "command's name"}, {`f() { "«$1»" a; }; f {{ .x }}`, "command's name"}, {`f() { "«$@»"; }; f {{ .x }} a`, "command's name"}, {`read -r v <<< {{ .x }}; "«$v»"`, "command's name"},
	{`set + {{ .x }}; "«$1»"`, "command's name"},
	{`set -e {{ .x }}; "«$1»"`, "command's name"},
	{`set -o pipefail a {{ .x }}; "«$1»"`, "command's name"},
	{`set a {{ .x }}; shift; "«$1»"`, "command's name"},
	{`set a b {{ .x }}; shift 2; "«$1»"`, "command's name"},
	{`f() { shift; "«$1»"; }; f a {{ .x }}`, "command's name"},
	{`f() { shift; "«$@»"; }; f a {{ .x }}`, "command's name"},
	{`f() { "«${@:2}»"; }; f a {{ .x }}`, "command's name"},
	{`set -- {{ .x }}; for c; do "«$c»"; done`, "command's name"},
	{`set -- a {{ .x }}; for c in "$@"; do "«$c»"; done`, "command's name"},
	{`set -- a {{ .x }}; "«${!#}»"`, "command's name"},
	{`set -- a {{ .x }}; a=("$@"); "«${a[1]}»"`, "command's name"},
	{`v={{ .x }}; w=v; "«${!w}»"`, "command's name"},
	{`while shift; do "«$1»"; done; set a b c {{ .x }}`, "command's name"},
	{`e=; f() { "«$1»"; }; f $e {{ .x }}`, "command's name"},
	{`g() { "«$2»"; }; f() { g "$@"; }; f a {{ .x }}`, "command's name"},
	{`f() { "«$1»"; }; f "$@" {{ .x }}`, "command's name"},
	{`show {{ .x }}; "«$_»"`, "command's name"},
	{`read <<< {{ .x }}; "«$REPLY»"`, "command's name"},
	{`mapfile <<< {{ .x }}; "«${MAPFILE[0]}»"`, "command's name"},
	{`v={{ .x }}; declare -n r=v; "«$r»"`, "command's name"},
	{`declare -n r=v; r={{ .x }}; "«$v»"`, "command's name"},
	{`set -- -a {{ .x }}; while getopts a: o; do "«$OPTARG»"; done`, "command's name"},
	{`v={{ .x }}; env "«$v»" a`, "command"},
	{`f() { "«$2»"; }; f {{ .l }} a`, "command's name"},
	{`f() { shift 3; "«$1»"; }; f {{ .x }} a b {{ .x }}`, "command's name"}, {`f() { "«$4»"; }; e=; f {{ .x }} $e $e $e a b {{ .x }}`, "command's name"}, {`f() { "«$*»"; }; f a {{ .x }}`, "command's name"},
	{`v={{ .x }}; (( «v» > 1 ))`, "arithmetic"}, {`v={{ .x }}; show $(( «$v» + 1 ))`, "arithmetic"}, {`v={{ .x }}; [[ «$v» -eq 1 ]]`, "arithmetic"},
	{`show "«{{ .l }}»"`, "list"}, {`show pre«{{ .l }}»`, "list"}, {`show «{{ if .x }}a{{ end }}»`, "one value"}, {`show «{{- .x }}»`, "trim"}, {`show {{ .«nope» }}`, "unknown name"}, {`show «{{ .x»`, "not closed"}, {`show «{{ "a}}»`, "not closed"}, {`show «{{ /* a }}»`, "not closed"}, {"show «{{ `a }}»", "not closed"},
	{`show «{{/* nothing */}}»`, "is a comment"}, {`show «{{ "a\"b}}»`, "not closed"}, {`show $«__rb0»`, "belong to the engine"},
	{`«umask» 077`, "no `umask`"}, {`«ulimit» -n 5`, "no `ulimit`"}, {`«coproc» cat`, "no `coproc`"}, {`«read» -t 1 x`, "no `read`"}, {`«exec» 3>f`, "no `exec`"}, {`echo x > «/dev/tcp/h/1»`, "/dev/tcp"}, {`«jobs»`, "no `jobs`"}, {`command «umask» 1`, "no `umask`"},
}

func TestRefusedPlacements(t *testing.T) {
	for _, c := range refused {
		before, rest, _ := strings.Cut(c.script, "«")
		inside, after, _ := strings.Cut(rest, "»")
		s, found := compileScript(before+inside+after, ScriptOptions{})
		if s != nil {
			t.Errorf("%s was accepted as %s", c.script, s.final)
			continue
		}
		var errs []source.Diagnostic
		for _, d := range found {
			if d.Severity == source.Error {
				errs = append(errs, d)
			}
		}
		if len(errs) == 0 {
			t.Errorf("%s was refused without a reason", c.script)
			continue
		}
		d := errs[0]
		if !strings.Contains(d.Summary+" "+d.Detail, c.says) || d.Detail == "" {
			t.Errorf("%s: %s; %s; want %q", c.script, d.Summary, d.Detail, c.says)
		}
		if d.Span.Start != len(before) || !strings.HasPrefix(inside, "{{") && d.Span.End != len(before)+len(inside) {
			t.Errorf("%s: the finding is at %d:%d, want %d:%d: %s", c.script, d.Span.Start, d.Span.End, len(before), len(before)+len(inside), d.Summary)
		}
	}
	if len(refused) < 40 {
		t.Errorf("only %d placements", len(refused))
	}
}

// TestSafeBeside: what the refusals tell people to write is accepted.
func TestSafeBeside(t *testing.T) {
	for _, in := range []string{
		`jq --arg a {{ .x }} '.a == $a' f`, `jq -r --argjson n {{ .n }} '.n > $n'`, `jq . {{ .x }}`, `awk -v a={{ .x }} '$1 == a' f`, `awk -F {{ .x }} '{print}'`, `sed 's/a/b/' {{ .x }}`, `sed -n -e 's/a/b/p' -- {{ .x }}`,
		`retry() { "$@"; }; retry show {{ .x }}`, `retry() { local n=$1; shift; "$@"; }; retry 3 show {{ .x }}`, `wrap() { retry "$@"; }; retry() { "$@"; }; wrap show {{ .x }}`, `set -- show {{ .x }}; "$@"; "$1" "$2"`, `set show {{ .x }}; "$1"`, `v={{ .n }}; (( v > 1 ))`, `v={{ .n }}; [[ $v -gt 1 ]]`, `v={{ .x }}; sh -c 'echo "$1"' -- "$v"`, `v={{ .x }}; jq --arg v "$v" '.a == $v'`, `v={{ .x }}; for v in a b; do show "$v"; done`, `sh -c 'echo "$1"' -- {{ .x }}`, `bash -c 'echo "$1"' name {{ .x }}`, `python3 -c 'import sys' {{ .x }}`, `python3 script.py {{ .x }}`, `bash script.sh {{ .x }}`, `printf '%s' {{ .x }}`, `printf "a%s" {{ .x }}`,
		`env A={{ .x }} show`, `sudo -n show {{ .x }}`, `timeout 5 show {{ .x }}`, `timeout "{{ .n }}" show || true; show`, `[ {{ .n }} -eq 3 ]`, `[[ {{ .n }} -gt 3 ]]`, `declare -i n={{ .n }}`, `echo {{ .x }} | python3 script.py`, `show {{ .x }} | sh -c 'cat'`,
		"cat <<EOF | show\n{{ .x }}\nEOF", `bash script.sh <<< {{ .x }}`, `kubectl exec pod -- ls -- {{ .x }}`, `mysql -e 'select 1' {{ .x }}`, `show $(( {{ .n }} ))`, `echo {{ .x }} > /dev/null`,
	} {
		if strings.HasPrefix(in, "timeout \"") {
			continue // a hole before the command's name stays refused
		}
		if s, found := compileScript(in, ScriptOptions{}); s == nil {
			t.Errorf("%s: %s: %s", in, found[0].Summary, found[0].Detail)
		}
	}
}

func TestUnquotedIsWarnedOf(t *testing.T) {
	for in, want := range map[string]string{
		`v={{ .x }}; show «$v»`: "\"$v\"", `v={{ .x }}; show «${v}»b`: "\"$v\"", `v="a {{ .x }}"; w=$v; show «$w»`: "\"$w\"", `f() { local v={{ .x }}; show «$v»; }; f`: "\"$v\"", `export v={{ .x }}; show «$v»`: "\"$v\"",
		`show «$(printf '%s' {{ .x }})»`: "$(...)", `v={{ .x }}; show «$(printf '%s' "$v")»`: "$(...)", `for i in {{ .l }}; do show «$i»; done`: "\"$i\"", `a=({{ .l }}); show «${a[@]}»`: "\"$a\"", `v={{ .x }}; for i in «$v»; do :; done`: "\"$v\"", `v={{ .x }}; a=(«$v»)`: "\"$v\"",
		`v={{ .x }}; show "$v" "a${v}" "$(printf '%s' "$v")"`: "", `v={{ .x }}; w=$v`: "", `v=a; show $v {{ .x }}`: "", `v={{ .x }}; [[ $v == a ]]`: "", `v={{ .x }}; case $v in a) ;; esac`: "", `v={{ .x }}; show ${#v}`: "", `show $(date)`: "", "v={{ .x }}; cat <<EOF\n$v\nEOF": "",
	} {
		before, rest, marked := strings.Cut(in, "«")
		inside, after, _ := strings.Cut(rest, "»")
		s, found := compileScript(before+inside+after, ScriptOptions{})
		var warned []source.Diagnostic
		for _, d := range found {
			if d.Code == "unquoted" {
				warned = append(warned, d)
			}
		}
		switch {
		case s == nil:
			t.Errorf("%s: %v", in, found)
		case !marked && len(warned) > 0:
			t.Errorf("%s: %s", in, warned[0].Summary)
		case marked && (len(warned) != 1 || warned[0].Severity != source.Warning || warned[0].Span.Start != len(before) || warned[0].Span.End != len(before)+len(inside) || !strings.Contains(warned[0].Detail, want)):
			t.Errorf("%s: %v", in, warned)
		}
	}
}

// missingForms are what validate says that the embedded shell lacks, in the
// forms in which it is written. TestMissingIsReallyMissing runs each.
var missingForms = []string{"coproc true", "exec 3>/dev/null; echo a >&3", "read -t 1 x <<< a", "printf -v v a; test \"$v\" = a", "echo x > /dev/tcp/127.0.0.1/9"}

func TestMissingFormsAreReallyMissing(t *testing.T) {
	for _, form := range missingForms {
		if s, _ := compileScript(form, ScriptOptions{}); s != nil {
			t.Errorf("%s is accepted", form)
		}
		ran := false
		if _, err := parseShell(form); err == nil {
			out, err := runScript(t, t.TempDir(), Bound{Text: form + "; show ran"})
			ran = err == nil && strings.Contains(out, "ran")
		}
		if ran {
			t.Errorf("the embedded shell has %s", form)
		}
	}
}
