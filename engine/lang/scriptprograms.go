package lang

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"runbook/engine/source"
)

// runners take arguments that are run, evaluated, or name what is: a hole has no
// place in any of them.
var runners = map[string]string{
	"eval": "it is run as a script", "trap": "it is run as a script", "alias": "it is run as a script", "source": "it names a file to run", ".": "it names a file to run",
	"unset": "it names a variable", "read": "it names a variable", "let": "it is evaluated", "mapfile": "it names a variable", "readarray": "it names a variable", "getopts": "it names a variable",
	"ssh": "the other side runs it as a script", "xargs": "it is run", "parallel": "it is run",
}

// language says how a program is given program text: behind one of the options
// in code, or, where first is set, as the first word that is no option. Options
// in takes have a value of their own, which is no program; pairs have two.
type language struct {
	code, takes, pairs []string
	first              bool // the first word is program text
	file               bool // the first word names a file to run
	stdin              bool // without a word, standard input is run
}

var shellLanguage = language{code: []string{"-c"}, takes: []string{"-o", "-O", "+o", "--rcfile", "--init-file"}, file: true, stdin: true}

var languages = map[string]language{
	"sh": shellLanguage, "bash": shellLanguage, "dash": shellLanguage, "zsh": shellLanguage, "ksh": shellLanguage, "fish": shellLanguage,
	"python": {code: []string{"-c"}, takes: []string{"-W", "-X"}, file: true, stdin: true}, "python3": {code: []string{"-c"}, takes: []string{"-W", "-X"}, file: true, stdin: true},
	"perl": {code: []string{"-e", "-E", "-n", "-p", "-ne", "-pe", "-le", "-nle", "-lne", "-pie"}, takes: []string{"-I", "-M"}, file: true, stdin: true},
	"ruby": {code: []string{"-e", "-ne", "-pe"}, takes: []string{"-I", "-r"}, file: true, stdin: true},
	"node": {code: []string{"-e", "-p", "-pe", "--eval", "--print"}, takes: []string{"-r", "--require"}, file: true, stdin: true},
	"php":  {code: []string{"-r", "-B", "-R", "-E"}, takes: []string{"-d"}, file: true, stdin: true},
	"awk":  {code: []string{"-e", "--source"}, takes: []string{"-v", "-F", "--assign", "--field-separator"}, first: true}, "gawk": {code: []string{"-e", "--source"}, takes: []string{"-v", "-F", "--assign", "--field-separator"}, first: true},
	"mawk": {takes: []string{"-v", "-F"}, first: true},
	"sed":  {code: []string{"-e", "--expression", "-ne", "-ie", "-Ee", "-nE"}, takes: []string{"-l"}, first: true}, "gsed": {code: []string{"-e", "--expression", "-ne"}, takes: []string{"-l"}, first: true},
	"jq": {takes: []string{"--indent", "-L"}, pairs: []string{"--arg", "--argjson", "--slurpfile", "--rawfile"}, first: true}, "yq": {takes: []string{"--indent", "-I", "-p", "-o"}, pairs: []string{"--arg", "--argjson"}, first: true},
	"psql": {code: []string{"-c", "--command"}, takes: []string{"-d", "-h", "-p", "-U", "-f", "-v"}, stdin: true}, "mysql": {code: []string{"-e", "--execute"}, takes: []string{"-h", "-u", "-P", "-D"}, stdin: true}, "su": {code: []string{"-c", "--command"}},
}

// wrappers run the command that their arguments name.
var wrappers = []string{"env", "sudo", "doas", "nohup", "nice", "timeout", "command", "exec", "builtin", "stdbuf", "setsid", "ionice", "time", "watch", "busybox"}

// carriers may run a shell somewhere in their arguments.
var carriers = []string{"docker", "podman", "kubectl", "nsenter", "chroot", "find", "flock", "unshare", "systemd-run", "script"}

func baseName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// programText refuses holes in arguments that are run rather than read.
func (c *scriptChecker) programText(name string, args []*syntax.Word) {
	base := baseName(name)
	if why, ok := runners[base]; ok {
		c.refuseIn(args, fmt.Sprintf("to `%s` %s", base, why))
	}
	if l, ok := languages[base]; ok {
		c.inLanguage(base, l, args)
	}
	switch {
	case base == "printf" && len(args) > 0:
		c.printfWords(args)
	case slices.Contains(wrappers, base):
		c.wrapped(base, args)
	case slices.Contains(carriers, base):
		for i, a := range args {
			if s, ok := literalWord(a); ok && languages[baseName(s)].code != nil {
				c.programText(s, args[i+1:])
				return
			}
		}
	}
}

// refuseIn refuses every hole of some words, and the variables that carry one.
func (c *scriptChecker) refuseIn(words []*syntax.Word, why string) {
	for _, w := range words {
		for _, h := range c.in(w) {
			c.refuse(h, why)
		}
		c.refuseCarried(w, why)
	}
}

// refuseName refuses a word that would be a command's name and carries a hole. Of all
// arguments the first is the name.
func (c *scriptChecker) refuseName(w *syntax.Word, why string) {
	if !isAll(w) || c.carrying[firstOfAll] {
		c.refuseCarried(w, why)
	}
}

// refuseCarried refuses a variable that carries a hole where the hole itself
// would be refused.
func (c *scriptChecker) refuseCarried(n syntax.Node, why string) {
	syntax.Walk(n, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && carriesParam(p, c.carrying) && !p.Length {
			c.atNode(source.Error, "hole-here", p, "`$"+p.Param.Value+"` holds a value of this run and cannot stand here: "+why, "Make it an argument of its own, or pass it through `env:` or `stdin:`.")
		}
		return true
	})
}

func (c *scriptChecker) printfWords(args []*syntax.Word) {
	if s, _ := literalWord(args[0]); s == "-v" && len(args) > 1 {
		c.lacks(args[0], "printf -v", "write `v=$(printf ...)`")
		c.refuseIn(args[1:2], "it would name a variable")
		return
	}
	if hs := c.in(args[0]); len(hs) > 0 && startsWithHole(args[0], hs[0]) {
		c.refuse(hs[0], "it would be the format, or an option, of `printf`; write `printf '%s' {{ ... }}`")
	}
}

// wrapped looks at the command behind a wrapper such as env or sudo.
func (c *scriptChecker) wrapped(base string, args []*syntax.Word) {
	for i, a := range args {
		s, ok := literalWord(a)
		switch {
		case !ok && len(c.in(a)) > 0:
			if !strings.ContainsRune(leading(a), '=') {
				c.refuse(c.in(a)[0], "it would be the name of the command that `"+base+"` runs")
				return
			}
		case !ok:
			c.refuseName(a, "it would be the name of the command that `"+base+"` runs")
			return
		case strings.HasPrefix(s, "-"), strings.Contains(s, "="), measureWord.MatchString(s):
		default:
			c.programText(s, args[i+1:])
			if instead, ok := missing[s]; ok && (base == "command" || base == "builtin") {
				c.lacks(a, s, instead)
			}
			return
		}
	}
}

// measureWord is what nice and timeout take before the command.
var measureWord = regexp.MustCompile(`^[0-9.]+[smhd]?$`)

// leading is the literal text that a word begins with.
func leading(w *syntax.Word) string {
	if len(w.Parts) == 0 {
		return ""
	}
	if l, ok := w.Parts[0].(*syntax.Lit); ok {
		return l.Value
	}
	return ""
}

// inLanguage refuses holes in the program text among a program's arguments.
func (c *scriptChecker) inLanguage(base string, l language, args []*syntax.Word) {
	given := false // the program text has been
	for i := 0; i < len(args); i++ {
		s, literal := literalWord(args[i])
		begins := s
		if !literal {
			begins = leading(args[i])
		}
		switch {
		case slices.Contains(l.takes, s):
			i++
		case slices.Contains(l.pairs, s):
			if i+1 < len(args) {
				c.refuseIn(args[i+1:i+2], "it would name a variable of `"+base+"`")
			}
			i += 2
		case l.isCode(s):
			given = true
			if i++; i < len(args) {
				c.refuseIn(args[i:i+1], fmt.Sprintf("`%s %s` runs it", base, s))
			}
		case l.codeAttached(begins):
			given = true
			c.refuseIn(args[i:i+1], fmt.Sprintf("`%s %s` runs it", base, begins))
		case strings.HasPrefix(begins, "-") && begins != "-":
		default:
			if !given && l.first {
				c.refuseIn(args[i:i+1], fmt.Sprintf("to `%s` it is a program; give values with `--arg`, `-v`, or through `env:`", base))
			}
			if !given && l.file {
				c.refuseIn(args[i:i+1], fmt.Sprintf("to `%s` it names a file to run", base))
			}
			return // what follows are the program's own arguments
		}
	}
}

// isCode reports whether an option says that the next word is program text; one
// letter options can be written together, the one with the text last.
func (l language) isCode(s string) bool {
	if slices.Contains(l.code, s) {
		return true
	}
	return len(s) > 2 && s[0] == '-' && s[1] != '-' && strings.Trim(s[1:], letters) == "" && slices.Contains(l.code, "-"+s[len(s)-1:])
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// codeAttached reports whether program text stands in the same word.
func (l language) codeAttached(s string) bool {
	return slices.ContainsFunc(l.code, func(f string) bool {
		if strings.HasPrefix(f, "--") {
			return strings.HasPrefix(s, f+"=")
		}
		return len(f) == 2 && strings.HasPrefix(s, f)
	})
}

// fedProgram refuses holes in a here-document that is run as a program.
func (c *scriptChecker) fedProgram(n *syntax.Stmt) {
	base, reads := c.readsProgram(n)
	if !reads {
		return
	}
	for _, r := range n.Redirs {
		for _, w := range []*syntax.Word{r.Hdoc, r.Word} {
			if w != nil && (r.Op == syntax.Hdoc || r.Op == syntax.DashHdoc || r.Op == syntax.WordHdoc) {
				c.refuseIn([]*syntax.Word{w}, "`"+base+"` runs what it reads")
			}
		}
	}
}

// pipedProgram refuses holes in what is piped into a shell.
func (c *scriptChecker) pipedProgram(n *syntax.BinaryCmd) {
	if n.Op != syntax.Pipe && n.Op != syntax.PipeAll {
		return
	}
	if base, reads := c.readsProgram(n.Y); reads {
		for _, h := range c.in(n.X) {
			c.refuse(h, "`"+base+"` runs what is piped into it")
		}
	}
}

// readsProgram reports whether a command takes its program from standard input.
func (c *scriptChecker) readsProgram(n *syntax.Stmt) (string, bool) {
	call, ok := n.Cmd.(*syntax.CallExpr)
	if !ok {
		return "", false
	}
	for i, a := range call.Args {
		s, ok := literalWord(a)
		if !ok {
			return "", false
		}
		l, ok := languages[baseName(s)]
		if i > 0 && !slices.Contains(wrappers, baseName(first(call.Args))) {
			return "", false
		}
		if ok {
			return baseName(s), l.stdin && !l.hasProgram(call.Args[i+1:])
		}
	}
	return "", false
}

func first(words []*syntax.Word) string {
	s, _ := literalWord(words[0])
	return s
}

// hasProgram reports whether the arguments hold the program.
func (l language) hasProgram(args []*syntax.Word) bool {
	for i := 0; i < len(args); i++ {
		s, literal := literalWord(args[i])
		switch {
		case slices.Contains(l.takes, s):
			i++
		case literal && l.isCode(s), l.codeAttached(s):
			return true
		case strings.HasPrefix(s, "-") && s != "-c":
			if s == "-s" || s == "-" {
				return false
			}
		default:
			return l.file
		}
	}
	return false
}

// numberTest refuses holes beside -eq and its like, and behind -v, in `[`.
func (c *scriptChecker) numberTest(name string, args []*syntax.Word) {
	if name != "[" && name != "test" {
		return
	}
	for i, a := range args {
		switch s, _ := literalWord(a); s {
		case "-v", "-R":
			if i+1 < len(args) {
				c.refuseIn(args[i+1:i+2], "it would name a variable, and an index in that is evaluated")
			}
		case "-eq", "-ne", "-lt", "-le", "-gt", "-ge":
			for _, w := range args[max(0, i-1):min(len(args), i+2)] {
				for _, h := range c.in(w) {
					if !h.int() {
						c.refuse(h, "a number test wants an int")
					}
				}
			}
		}
	}
}

// steering are variables whose value a shell runs, or that decide what it runs.
var steering = []string{"PS4", "PS0", "PROMPT_COMMAND", "BASH_ENV", "ENV", "PATH", "IFS", "SHELLOPTS", "BASHOPTS", "HISTFILE"}

// assigned refuses holes in variables that steer the shell.
func (c *scriptChecker) assigned(n *syntax.Assign) {
	if n.Name == nil || n.Value == nil {
		return
	}
	if name := n.Name.Value; slices.Contains(steering, name) || strings.HasPrefix(name, "LD_") {
		c.refuseIn([]*syntax.Word{n.Value}, "`"+name+"` decides what the shell runs")
	}
}

// evaluated refuses holes that are no int in a variable of integers, whose every
// value is evaluated, and in a reference, which names a variable.
func (c *scriptChecker) evaluated(a *syntax.Assign) {
	if a.Value == nil {
		return
	}
	for _, h := range c.in(a.Value) {
		if !h.int() {
			c.refuse(h, "this variable evaluates what it is given; only an int is safe")
		}
	}
}

// flagWord is the option of a declaration, where an argument is one.
func flagWord(a *syntax.Assign) (string, bool) {
	if !a.Naked || a.Value == nil {
		return "", false
	}
	return literalWord(a.Value)
}
