// Package permit decides whether a command or a host is permitted, by the lists of
// runbooks and by an organisation's policy. It is pure:
// the plan asks it before a run, the guard asks it during one.
package permit

// Set is what a runbook may do. Nothing is permitted that is not listed.
type Set struct {
	Observe  []string // commands that checks and actions may run
	Act      []string // commands that only actions may run
	Hosts    []string // host, *.suffix, optionally with :port
	Env      []string // dangerous environment variables that scripts may set
	Read     []string // files and folders the shell may open for reading
	Write    []string // files and folders the shell may open for writing
	Channels []string // hosts that messages may be sent to besides, as far as they are known beforehand
	// Within is what the runbook may do that runs this one: both must permit. The
	// outermost may be a policy.
	Within *Set
	// Policy is set where the lists are a policy's: then one that is nil permits all.
	Policy *Policy
}

// All are the sets that must permit: this one and those around it, each alone.
func (s Set) All() []Set {
	var out []Set
	for at := &s; at != nil; at = at.Within {
		alone := *at
		alone.Within = nil
		out = append(out, alone)
	}
	return out
}

// andWithin is a yes that the sets around this one have to confirm.
func (s Set) andWithin(yes Decision, ask func(Set) Decision) Decision {
	if s.Within == nil {
		return yes
	}
	d := ask(*s.Within)
	if d.OK {
		return yes
	}
	return d.Around()
}

// Around is a refusal by a set around the one that was asked.
func (d Decision) Around() Decision {
	if d.Policy == nil {
		d.Reason = "the runbook that runs this one may not do it: " + d.Reason
	}
	return d
}

// Sending is what a message may do that goes to a host: a channel implies its
// own. A runbook around this one has to permit it, by its hosts or its channels; a
// policy by its hosts.
func (s Set) Sending(host string) Set {
	out := Set{Hosts: []string{host}}
	at := &out
	for around := s.Within; around != nil; around = around.Within {
		if around.Policy != nil {
			at.Within = around
			break
		}
		at.Within = &Set{Hosts: append(append([]string{}, around.Hosts...), around.Channels...)}
		at = at.Within
	}
	return out
}

func (s Set) files(write bool) []string {
	if write {
		return s.Write
	}
	return s.Read
}

// Leaves reports whether the set says nothing of files, as a policy may.
func (s Set) Leaves(write bool) bool { return s.Policy != nil && s.files(write) == nil }
