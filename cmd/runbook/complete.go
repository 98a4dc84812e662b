package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"runbook/engine/report"
)

// completeCommand is what the scripts of the shells call. It is in no list of
// commands: nobody types it.
const completeCommand = "__complete"

// completionTime bounds how long somebody who pressed Tab waits for a slow disk.
const completionTime = 2 * time.Second

// complete answers `__complete SHELL -- WORDS...`: the words behind the
// program's name up to the cursor, of which the last is to be completed. It says
// nothing where there is nothing to say, and never that something is wrong: it
// would stand in the middle of somebody's line. It runs nothing, proves nothing
// and asks no network.
func (p *program) complete(args []string) {
	if len(args) < 3 || args[1] != "--" {
		return
	}
	done := make(chan string, 1)
	go func() {
		answer := ""
		defer func() {
			_ = recover() // a Tab that completes nothing is better than a trace on the line
			done <- answer
		}()
		answer = p.completed(args[0], args[2:])
	}()
	select {
	case answer := <-done:
		fmt.Fprint(p.out, answer)
	case <-time.After(completionTime):
	}
}

// candidate is what a word could become, and what that is.
type candidate struct{ word, about string }

// completed is the answer as the shell wants it, a candidate a line.
func (p *program) completed(shell string, words []string) string {
	last := len(words) - 1
	if shell == "bash" {
		words = slices.Clone(words)
		for i, w := range words {
			words[i] = bashWord(w)
		}
	}
	var out strings.Builder
	seen := map[string]bool{}
	for _, c := range p.candidates(words) {
		if seen[c.word] || !strings.HasPrefix(c.word, words[last]) || !harmless(c.word) {
			continue
		}
		seen[c.word] = true
		line := c.word
		if shell == "bash" {
			line = bashQuoted(c.word)
		} else if about := oneLine(c.about, 80); about != "" {
			line += "\t" + about
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}

// harmless leaves out what a line cannot hold, and what would drive a terminal.
func harmless(w string) bool {
	return w != "" && utf8.ValidString(w) && report.Clean(w) == w && !strings.ContainsAny(w, "\n\t")
}

// typed is a command's line as far as it is there.
type typed struct {
	cmd    *cli.Command
	args   []string            // arguments before the cursor
	values map[string][]string // of flags, by the flag's first name
	flag   cli.Flag            // the flag whose value is to be completed, or nil
	prefix string              // what stands before that value in the word: --format=
	word   string              // what is to be completed, without prefix
	closed bool                // behind `--`: nothing is a flag
}

// candidates are all that the last word could become; those that do not begin
// with it are left out later.
func (p *program) candidates(words []string) []candidate {
	app := p.app()
	last := len(words) - 1
	at := slices.IndexFunc(words[:last], func(w string) bool { return !strings.HasPrefix(w, "-") })
	if at < 0 {
		return commandNames(app)
	}
	if words[at] == "help" {
		return commandNames(app)
	}
	cmd := app.Command(words[at])
	if cmd == nil {
		return nil
	}
	t := readTyped(cmd, words[at+1:])
	switch {
	case t.flag != nil:
		return prefixed(t.prefix, p.flagValues(t))
	case !t.closed && strings.HasPrefix(t.word, "-"):
		return flagNames(t)
	}
	return p.argument(t)
}

// readTyped reads a command's words as permute and the library would.
func readTyped(cmd *cli.Command, words []string) *typed {
	t := &typed{cmd: cmd, values: map[string][]string{}}
	last := len(words) - 1
	t.word = words[last]
	for i := 0; i < last; i++ {
		w := words[i]
		name, value, given := strings.Cut(w, "=")
		f := flagOf(cmd, name)
		switch {
		case t.closed || len(w) < 2 || w[0] != '-':
			t.args = append(t.args, w)
		case w == "--":
			t.closed = true
		case f == nil:
		case given || isBool(f):
			t.values[f.Names()[0]] = append(t.values[f.Names()[0]], value)
		case i+1 == last:
			t.flag = f
		default:
			i++
			t.values[f.Names()[0]] = append(t.values[f.Names()[0]], words[i])
		}
	}
	name, value, given := strings.Cut(t.word, "=")
	if f := flagOf(cmd, name); f != nil && given && !t.closed && t.flag == nil && !isBool(f) {
		t.flag, t.prefix, t.word = f, name+"=", value
	}
	return t
}

func flagOf(cmd *cli.Command, word string) cli.Flag {
	name := strings.TrimLeft(word, "-")
	for _, f := range cmd.Flags {
		if strings.HasPrefix(word, "-") && slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func isBool(f cli.Flag) bool {
	_, ok := f.(*cli.BoolFlag)
	return ok
}

func commandNames(app *cli.App) []candidate {
	var out []candidate
	for _, c := range app.Commands {
		if !c.Hidden {
			out = append(out, candidate{c.Name, c.Usage})
		}
	}
	return append(out, candidate{"help", "the commands, or one of them"})
}

// flagNames are a command's flags, but for those that are given and can be given
// once.
func flagNames(t *typed) []candidate {
	out := []candidate{}
	for _, f := range t.cmd.Flags {
		_, many := f.(*cli.StringSliceFlag)
		if name := f.Names()[0]; many || t.values[name] == nil {
			about := ""
			if d, ok := f.(cli.DocGenerationFlag); ok {
				about = strings.ReplaceAll(d.GetUsage(), "`", "")
			}
			out = append(out, candidate{"--" + name, about})
		}
	}
	return append(out, candidate{"--help", "what the command does"})
}

func prefixed(prefix string, list []candidate) []candidate {
	for i := range list {
		list[i].word = prefix + list[i].word
	}
	return list
}

// bashWord is what a word stands for that bash hands on as it was typed: with its
// quotes. What is quoted in a way that is not simple stays as it is, and nothing
// begins with it.
func bashWord(w string) string {
	for _, quote := range []string{"'", `"`} {
		if rest, ok := strings.CutPrefix(w, quote); ok {
			return strings.TrimSuffix(rest, quote)
		}
	}
	var out strings.Builder
	for i := 0; i < len(w); i++ {
		if w[i] == '\\' && i+1 < len(w) {
			i++
		}
		out.WriteByte(w[i])
	}
	return out.String()
}

// bashQuoted is a word that bash takes for itself, whatever it contains: bash
// puts it on the line as it is, and a file may be called $(reboot).
func bashQuoted(w string) string {
	var out strings.Builder
	for i, r := range w {
		switch {
		case r >= utf8.RuneSelf, r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_-./:=@%+,", r):
		case r == '~' && i == 0 && strings.HasPrefix(w, "~/"): // the person's own
		default:
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
