package permit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/engine/source"
)

// Policy is an organisation's: what any runbook may do at most, what none may do,
// and what a person has to approve whatever the runbook says.
type Policy struct {
	Name   string
	File   string // as it was named
	Digest string // hex SHA-256 of the file's bytes
	// Most are the lists of `permissions`. One that is nil narrows nothing; one that
	// is empty permits nothing.
	Most Set
	// Lists say where those lists stand: observe, act, hosts, env, files.read,
	// files.write.
	Lists   map[string]source.Span
	Deny    []Rule
	Approve []Rule
}

// Rule is an entry of `deny` or `approve`: what it is about. An empty list is not
// what it is about; Methods without Hosts are about every host.
type Rule struct {
	Run     []string // words of programs; see Runs
	Hosts   []string
	Methods []string // of HTTP; of approve only
	Read    []string // files; of deny only
	Write   []string
	Reason  string // the organisation's own words
	Demand  Demand // of approve
	At      source.Span
}

// Demand is how an approval has to be given.
type Demand struct {
	By      []string // who may; nil is everybody
	Count   int      // how many different people have to
	Always  bool     // also where everything is approved beforehand
	Retype  string   // what has to be typed; "" is nothing
	Timeout time.Duration
}

// Set is the policy as a set around all others.
func (p *Policy) Set() *Set {
	s := p.Most
	s.Policy, s.Within = p, nil
	return &s
}

// Under is the set with a policy around it and all that is around it already.
func (s Set) Under(p *Policy) Set {
	switch {
	case p == nil:
		return s
	case s.Within == nil:
		s.Within = p.Set()
		return s
	}
	around := s.Within.Under(p)
	s.Within = &around
	return s
}

// ByPolicy is the policy around the set, or nil.
func (s Set) ByPolicy() *Policy {
	for at := &s; at != nil; at = at.Within {
		if at.Policy != nil {
			return at.Policy
		}
	}
	return nil
}

// Place says where something of the policy stands, for people.
func (p *Policy) Place(at source.Span) string {
	if at.IsZero() {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, at.Position().Line)
}

func (p *Policy) denial(what string, r Rule, entry string) Decision {
	d := Decision{Reason: fmt.Sprintf("the policy %s denies `%s` by its entry `%s` (%s)", p.Name, what, entry, p.Place(r.At)), Policy: p, Rule: r.At}
	if r.Reason != "" {
		d.Reason += ": " + r.Reason
	}
	return d
}

// narrowed is a no of the lists of `permissions`.
func (p *Policy) narrowed(list string, d Decision) Decision {
	d.Policy, d.Rule = p, p.Lists[list]
	d.Reason = fmt.Sprintf("the policy %s (%s) does not permit it: %s", p.Name, p.Place(d.Rule), d.Reason)
	return d
}

// open reports whether the policy leaves out the list that programs go by.
func (p *Policy) open(action bool) bool {
	if action {
		return p.Most.Act == nil
	}
	return p.Most.Observe == nil
}

func (p *Policy) command(argv []string, action bool) Decision {
	if d := p.Denies(argv); d != nil {
		return *d
	}
	if p.open(action) {
		return Decision{OK: true}
	}
	if e := p.Most.matching(argv, action); e != "" {
		return Decision{OK: true, Entry: e}
	}
	list := "observe"
	if action {
		list = "act"
	}
	return p.narrowed(list, p.Most.refusal(argv, action))
}

// Denies is the denial of a program, or nil.
func (p *Policy) Denies(argv []string) *Decision {
	for _, r := range p.Deny {
		for _, e := range r.Run {
			if Runs(e, argv, true) == Yes {
				d := p.denial(shown(argv), r, e)
				return &d
			}
		}
	}
	return nil
}

// Programs are the programs that entries of deny and approve name, without words.
func (p *Policy) Programs() []string {
	var out []string
	for _, r := range slices.Concat(p.Deny, p.Approve) {
		for _, e := range r.Run {
			if w := Split(e); len(w) > 0 && !strings.Contains(w[0], "*") {
				out = append(out, w[0])
			}
		}
	}
	return out
}

func (p *Policy) host(host string, port int) Decision {
	if d := p.DeniesHost(host, port); d != nil {
		return *d
	}
	if p.Most.Hosts == nil {
		return Decision{OK: true}
	}
	d := p.Most.Host(host, port)
	if d.OK {
		return d
	}
	return p.narrowed("hosts", d)
}

// DeniesHost is the denial of a host, or of the address that it leads to, or nil.
func (p *Policy) DeniesHost(host string, port int) *Decision {
	host = normalHost(host)
	for _, r := range p.Deny {
		for _, e := range r.Hosts {
			if matchHost(e, host, port) {
				d := p.denial(host, r, e)
				return &d
			}
		}
	}
	return nil
}

func (p *Policy) file(path, dir string, write bool) Verdict {
	for _, r := range p.Deny {
		for _, e := range r.files(write) {
			if MatchFile(absolute(e, dir), absolute(path, dir)) {
				return No
			}
		}
	}
	if p.Most.files(write) == nil {
		return Yes
	}
	return p.Most.File(path, dir, write)
}

// Files are the entries of deny for files, each with its rule.
func (p *Policy) Files(write bool, visit func(entry string, r Rule)) {
	for _, r := range p.Deny {
		for _, e := range r.files(write) {
			visit(e, r)
		}
	}
}

// DeniedFile is the denial of a file.
func (p *Policy) DeniedFile(path, entry string, r Rule) Decision { return p.denial(path, r, entry) }

func (r Rule) files(write bool) []string {
	if write {
		return r.Write
	}
	return r.Read
}

// Runs decides whether an entry of deny or approve is about a command. Its first
// word is a program, by its name or its path; `*` is any. The others have to stand
// in argv in this order, with whatever between them, since options may stand
// anywhere; `--option=value` counts as two words too. Behind a program that runs
// others it is looked for in all of its words. Of a command that is not whole the
// first words are known.
func Runs(entry string, argv []string, whole bool) Verdict {
	words := Split(entry)
	if len(words) == 0 {
		return No
	}
	if len(argv) == 0 {
		if whole {
			return No
		}
		return Unknown
	}
	verdict := runs(words, argv, whole)
	if verdict == Yes || !slices.Contains(runners, base(argv[0])) {
		return verdict
	}
	if !whole {
		verdict = max(verdict, Unknown)
	}
	inner := strings.FieldsFunc(strings.Join(argv[1:], " "), func(c rune) bool { return strings.ContainsRune(" \t\n;&|()<>{}`$'\"", c) })
	for i := range inner {
		if v := runs(words, inner[i:], whole); v == Yes {
			return Yes
		}
	}
	return verdict
}

func runs(words, argv []string, whole bool) Verdict {
	if !matchWord(words[0], argv[0]) && !matchWord(words[0], strings.TrimSuffix(base(argv[0]), ".exe")) {
		return No
	}
	rest := words[1:]
	for _, list := range [][]string{argv[1:], apart(argv[1:])} {
		at := 0
		for _, a := range list {
			if at < len(rest) && matchWord(rest[at], a) {
				at++
			}
		}
		if at == len(rest) {
			return Yes
		}
	}
	if !whole {
		return Unknown
	}
	return No
}

// apart parts options from the values behind their `=`.
func apart(argv []string) []string {
	out := make([]string, 0, len(argv))
	for _, a := range argv {
		if name, value, ok := strings.Cut(a, "="); ok && strings.HasPrefix(a, "-") {
			out = append(out, name, value)
			continue
		}
		out = append(out, a)
	}
	return out
}

// NeedsRun are the entries of approve that are about a command, by their place in
// Approve; those that may be about it, of which not all is known, come apart.
func (p *Policy) NeedsRun(argv []string, whole bool) (yes, may []int) {
	for i, r := range p.Approve {
		verdict := No
		for _, e := range r.Run {
			verdict = max(verdict, Runs(e, argv, whole))
		}
		switch verdict {
		case Yes:
			yes = append(yes, i)
		case Unknown:
			may = append(may, i)
		}
	}
	return yes, may
}

// NeedsHost are the entries of approve that are about a request or a connection.
// Method is "" where none is known. Without methods an entry is about all that
// actions do at its hosts, with them about those requests, also of checks.
func (p *Policy) NeedsHost(host string, port int, method string, action bool) []int {
	var out []int
	host = normalHost(host)
	for i, r := range p.Approve {
		switch {
		case len(r.Hosts) == 0 && len(r.Methods) == 0:
		case len(r.Methods) == 0 && !action:
		case len(r.Methods) > 0 && !slices.Contains(r.Methods, strings.ToUpper(method)):
		case len(r.Hosts) > 0 && !slices.ContainsFunc(r.Hosts, func(e string) bool { return matchHost(e, host, port) }):
		default:
			out = append(out, i)
		}
	}
	return out
}

// Wanted says which of the entries of approve were not granted, in words, or "".
func (p *Policy) Wanted(what string, needs, granted []int) string {
	for _, i := range needs {
		if !slices.Contains(granted, i) {
			return fmt.Sprintf("`%s` needs approval by the policy %s (%s)", what, p.Name, p.Demanded(i))
		}
	}
	return ""
}

// Demanded says in a line which entry of approve demands something, and why.
func (p *Policy) Demanded(i int) string {
	r := p.Approve[i]
	if r.Reason == "" {
		return p.Place(r.At)
	}
	return p.Place(r.At) + ": " + r.Reason
}

// Covers holds an entry of a runbook's `observe` or `act` against the policy: it
// may not ask for more.
func (p *Policy) Covers(entry string, action bool) Decision {
	words := Split(entry)
	for _, r := range p.Deny {
		for _, e := range r.Run {
			if Runs(e, words, false) == Yes {
				return p.denial(entry, r, e)
			}
		}
	}
	if p.open(action) || p.Most.matching(words, action) != "" {
		return Decision{OK: true} // a `*` in the entry is matched by a `*` alone
	}
	list := "observe"
	if action {
		list = "act"
	}
	return p.more(list, entry)
}

// CoversHost does so with an entry of `hosts`, or the host of a channel.
func (p *Policy) CoversHost(entry string) Decision {
	host, port := splitPort(entry)
	for _, r := range p.Deny {
		for _, e := range r.Hosts {
			if covers(e, host, port) {
				return p.denial(entry, r, e)
			}
		}
	}
	if p.Most.Hosts == nil || slices.ContainsFunc(p.Most.Hosts, func(e string) bool { return covers(e, host, port) }) {
		return Decision{OK: true}
	}
	return p.more("hosts", entry)
}

// covers reports whether an entry for hosts is about all that another one is about.
func covers(entry, host string, port int) bool {
	_, p := splitPort(entry)
	return (p == 0 || p == port) && matchHost(entry, host, port)
}

// CoversFile does so with an entry of `files`. What is relative to a folder that is
// not known passes: the run sees.
func (p *Policy) CoversFile(entry string, write bool) Decision {
	list := "files.read"
	if write {
		list = "files.write"
	}
	for _, r := range p.Deny {
		for _, e := range r.files(write) {
			if MatchFile(e, entry) {
				return p.denial(entry, r, e)
			}
		}
	}
	if p.Most.files(write) == nil || p.Most.File(entry, "", write) != No {
		return Decision{OK: true}
	}
	return p.more(list, entry)
}

// CoversEnv does so with an entry of `env`.
func (p *Policy) CoversEnv(name string) Decision {
	if p.Most.Env == nil || slices.Contains(p.Most.Env, name) {
		return Decision{OK: true}
	}
	return p.more("env", name)
}

func (p *Policy) more(list, entry string) Decision {
	return Decision{Reason: fmt.Sprintf("`%s` is more than the policy %s permits (`permissions.%s`, %s)", entry, p.Name, list, p.Place(p.Lists[list])), Policy: p, Rule: p.Lists[list]}
}
