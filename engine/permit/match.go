package permit

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"runbook/engine/source"
)

// Decision is an answer: whether it is permitted, by which entry, and otherwise
// why not and which entry would permit it.
type Decision struct {
	OK      bool
	Entry   string
	Suggest string
	Reason  string
	// Policy is set where a policy refuses, and Rule says where: the entry of deny,
	// or the list.
	Policy *Policy
	Rule   source.Span
}

// Verdict is an answer about something that is only partly known.
type Verdict int

// A partly known command may be permitted, refused, or not told yet.
const (
	No Verdict = iota
	Unknown
	Yes
)

// Split parts an entry into words.
func Split(entry string) []string { return strings.Fields(entry) }

// CheckEntry says what is wrong with an entry of observe or act, or "".
func CheckEntry(entry string) string {
	words := Split(entry)
	switch {
	case len(words) == 0:
		return "the entry is empty"
	case strings.Contains(words[0], "*"):
		return "the program must be named: a `*` there would permit every program"
	case strings.ContainsAny(entry, "\"'\\$`|;&<>(){}"):
		return "an entry is plain words; quotes and shell syntax have no meaning in it"
	}
	return ""
}

// runners are programs that run others: permitting one permits everything.
var runners = []string{"bash", "sh", "dash", "zsh", "ksh", "fish", "env", "xargs", "python", "python3", "perl", "ruby", "node", "php", "lua", "sudo", "doas", "su",
	"ssh", "find", "awk", "gawk", "make", "nohup", "timeout", "nice", "time", "watch", "setsid", "docker", "tclsh", "busybox", "script", "strace", "vim", "vi", "less"}

// RunsOthers reports whether an entry permits a program that runs whatever it is
// told to, without saying what.
func RunsOthers(entry string) bool {
	words := Split(entry)
	return len(words) > 0 && slices.Contains(runners, base(words[0])) && (len(words) == 1 || base(words[0]) != "docker")
}

func base(program string) string { return program[strings.LastIndexByte(program, '/')+1:] }

// Command decides about a program's argv. Actions may run what checks may, and
// what `act` lists besides.
func (s Set) Command(argv []string, action bool) Decision {
	if len(argv) == 0 {
		return Decision{Reason: "there is no command"}
	}
	if s.Policy != nil {
		return s.Policy.command(argv, action)
	}
	if e := s.matching(argv, action); e != "" {
		return s.andWithin(Decision{OK: true, Entry: e}, func(o Set) Decision { return o.Command(argv, action) })
	}
	return s.refusal(argv, action)
}

// matching is the first entry that argv begins with, or "".
func (s Set) matching(argv []string, action bool) string {
	for _, e := range s.entries(action) {
		if begins(e, argv) {
			return e
		}
	}
	return ""
}

func (s Set) entries(action bool) []string {
	if !action {
		return s.Observe
	}
	return append(slices.Clone(s.Observe), s.Act...)
}

// begins reports whether argv begins with the words of an entry, as matches does. It
// is asked for each entry before each program, and takes the entry apart no further
// than it fits.
func begins(entry string, argv []string) bool {
	n := 0
	for w := range strings.FieldsSeq(entry) {
		if n == len(argv) || !matchWord(w, argv[n]) {
			return false
		}
		n++
	}
	return n > 0
}

// matches reports whether argv begins with the words of an entry.
func matches(words, argv []string) bool {
	if len(words) == 0 || len(words) > len(argv) {
		return false
	}
	for i, w := range words {
		if !matchWord(w, argv[i]) {
			return false
		}
	}
	return true
}

// matchWord matches one word; `*` stands for any run of characters.
func matchWord(pattern, word string) bool {
	if !strings.Contains(pattern, "*") {
		return pattern == word
	}
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(word, parts[0]) {
		return false
	}
	word = word[len(parts[0]):]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(word, p)
		if i < 0 {
			return false
		}
		word = word[i+len(p):]
	}
	return strings.HasSuffix(word, parts[len(parts)-1])
}

// refusal says why nothing matched, and what would.
func (s Set) refusal(argv []string, action bool) Decision {
	list := "permissions.observe"
	if action {
		list = "permissions.act"
	}
	d := Decision{Suggest: suggestion(argv), Reason: fmt.Sprintf("no entry of `%s` permits `%s`", list, shown(argv))}
	if !action && slices.ContainsFunc(s.Act, func(e string) bool { return matches(Split(e), argv) }) {
		d.Reason = fmt.Sprintf("`%s` is permitted to actions only, and this is a check", shown(argv))
		return d
	}
	for _, e := range s.entries(action) {
		words := Split(e)
		if len(words) > 1 && words[0] == argv[0] && without(argv, words) {
			d.Reason = fmt.Sprintf("the entry `%s` does not match `%s`: options between the words are not passed over", e, shown(argv))
		}
	}
	return d
}

// without reports whether argv would match if its options were dropped.
func without(argv, words []string) bool {
	at := 0
	for _, a := range argv {
		if at < len(words) && matchWord(words[at], a) {
			at++
		}
	}
	return at == len(words)
}

// suggestion is an entry that would permit argv without permitting much more, or
// "" where none can: a program's name may be empty, or hold what no entry can.
func suggestion(argv []string) string {
	s := words(argv)
	if CheckEntry(s) != "" || !matches(Split(s), argv) {
		return ""
	}
	return s
}

// words are the program and its subcommands, values of options as `*`.
func words(argv []string) string {
	words := []string{argv[0]}
	for i := 1; i < len(argv) && i < 6; i++ {
		a := argv[i]
		plain := a != "" && a[0] != '-' && !strings.ContainsAny(a, " \t\n\"'\\$`|;&<>(){}*=/.:@")
		switch {
		case strings.HasPrefix(a, "-") && i+2 < len(argv) && len(words) == i && !subcommandSeen(words):
			words = append(words, a)
		case plain && !strings.HasPrefix(argv[i-1], "-"):
			words = append(words, a)
			if len(words) >= 3 {
				return strings.Join(words, " ")
			}
		case strings.HasPrefix(argv[i-1], "-") && !subcommandSeen(words):
			words = append(words, "*")
		default:
			return strings.Join(words, " ")
		}
	}
	return strings.Join(words, " ")
}

func subcommandSeen(words []string) bool {
	return len(words) > 1 && !strings.HasPrefix(words[1], "-")
}

func shown(argv []string) string {
	s := strings.Join(argv, " ")
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}

// Partly decides about a command of which only the first words are known.
func (s Set) Partly(words []string, whole, action bool) Verdict {
	if whole {
		if s.Command(words, action).OK {
			return Yes
		}
		return No
	}
	if len(words) == 0 {
		return Unknown
	}
	if s.Within != nil {
		alone := s
		alone.Within = nil
		return min(alone.Partly(words, whole, action), s.Within.Partly(words, whole, action))
	}
	if s.Policy != nil && s.Policy.Denies(words) != nil {
		return No
	}
	if s.Policy != nil && s.Policy.open(action) {
		return Yes
	}
	verdict := No
	for _, e := range s.entries(action) {
		entry := Split(e)
		switch {
		case len(entry) <= len(words) && matches(entry, words):
			return Yes
		case len(entry) > len(words) && matches(entry[:len(words)], words):
			verdict = Unknown
		}
	}
	return verdict
}

// Host decides about a host; port 0 is unknown.
func (s Set) Host(host string, port int) Decision {
	if s.Policy != nil {
		return s.Policy.host(host, port)
	}
	host = normalHost(host)
	for _, e := range s.Hosts {
		if matchHost(e, host, port) {
			return s.andWithin(Decision{OK: true, Entry: e}, func(o Set) Decision { return o.Host(host, port) })
		}
	}
	return Decision{Suggest: host, Reason: fmt.Sprintf("no entry of `permissions.hosts` permits `%s`", host)}
}

// Names reports whether an entry names the host itself, rather than a group of
// hosts it belongs to. A policy is asked for the host alone: it is no file that
// could be mistaken about where a name leads.
func (s Set) Names(host string) bool {
	if s.Policy != nil {
		return s.Host(host, 0).OK
	}
	if s.Within != nil && !s.Within.Names(host) {
		return false
	}
	host = normalHost(host)
	return slices.ContainsFunc(s.Hosts, func(e string) bool {
		h, _ := splitPort(e)
		return h == host
	})
}

func matchHost(entry, host string, port int) bool {
	h, p := splitPort(entry)
	if h == "" || p != 0 && port != 0 && p != port {
		return false
	}
	if suffix, ok := strings.CutPrefix(h, "*."); ok {
		return suffix != "" && strings.HasSuffix(host, "."+suffix) && !isAddress(host)
	}
	return h == host
}

// isAddress reports whether a host is an address: it belongs to no group of names,
// also where it has a zone that ends like one.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// splitPort parts an entry into host and port, 0 where it has none. A URL is
// taken for its host, so that an input that is a URL can stand here.
func splitPort(entry string) (string, int) {
	entry = strings.TrimSpace(entry)
	if i := strings.Index(entry, "://"); i >= 0 {
		entry, _, _ = strings.Cut(entry[i+3:], "/")
		entry = entry[strings.LastIndexByte(entry, '@')+1:]
	}
	if h, p, err := net.SplitHostPort(entry); err == nil {
		if n, err := strconv.Atoi(p); err == nil {
			return normalHost(h), n
		}
	}
	return normalHost(entry), 0
}

func normalHost(h string) string {
	h = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(h), "."))
	return strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")
}
