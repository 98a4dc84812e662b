package main

import (
	"fmt"
	"os"
	"unicode/utf8"
)

// Keys that change the line that is typed, as terminals have them.
const (
	keyEnd       = 0x04 // Ctrl-D: on an empty line, nothing comes any more
	keyEarlyEnd  = 0x00 // what Linux keeps of a Ctrl-D that was typed before its prompt
	keyBackspace = 0x08
	keyKill      = 0x15 // Ctrl-U: the whole line
	keyWord      = 0x17 // Ctrl-W: the last word
	keyDelete    = 0x7f
)

// keyboard takes lines from a terminal that shows nothing by itself: a letter is
// shown when a prompt takes it, and where a secret is asked for, never. So what is
// typed or pasted before its prompt is there is not shown either.
type keyboard struct {
	out  *os.File
	line []byte
}

// take takes one byte. Done says that the line is whole; gone, that nothing comes
// any more.
func (k *keyboard) take(c byte, shows bool) (done, gone bool) {
	switch c {
	case '\n', '\r':
		fmt.Fprintln(k.out)
		return true, false
	case keyEnd, keyEarlyEnd:
		return false, len(k.line) == 0
	case keyBackspace, keyDelete:
		k.erase(shows)
	case keyKill:
		for len(k.line) > 0 {
			k.erase(shows)
		}
	case keyWord:
		for n := len(k.line); n > 0 && k.line[n-1] == ' '; n = len(k.line) {
			k.erase(shows)
		}
		for n := len(k.line); n > 0 && k.line[n-1] != ' '; n = len(k.line) {
			k.erase(shows)
		}
	default:
		if c < ' ' && c != '\t' || len(k.line) >= 64<<10 {
			break
		}
		k.line = append(k.line, c)
		if shows {
			_, _ = k.out.Write([]byte{c}) // whoever types sees that the terminal is gone
		}
	}
	return false, false
}

// erase takes back the last letter.
func (k *keyboard) erase(shows bool) {
	if len(k.line) == 0 {
		return
	}
	_, n := utf8.DecodeLastRune(k.line)
	k.line = k.line[:len(k.line)-n]
	if shows {
		fmt.Fprint(k.out, "\b \b")
	}
}
