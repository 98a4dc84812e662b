package journal

import (
	"slices"
	"strings"
)

// Another is another runbook that a step runs: the step's key, and what began.
type Another struct {
	Key string
	RunbookStartedData
}

// Around are the other runbooks in which a key stands, the outermost first.
func (s *State) Around(key string) []Another {
	var out []Another
	for _, o := range s.others {
		if strings.HasPrefix(key, o.Key+"/") {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b Another) int { return len(a.Key) - len(b.Key) })
	return out
}

// Letter is a message that did not reach one of its channels. Why is nil where it
// was never tried to the end: the run broke off.
type Letter struct {
	Step    *Step
	Channel string
	Why     *MessageUnsentData
}

// Outbox are the messages that are not sent, in the order in which they were
// written.
func (s *State) Outbox() []Letter {
	var out []Letter
	for _, st := range s.Steps {
		if st.Message == nil {
			continue
		}
		for _, to := range st.Message.To {
			if st.Reached(to) == nil {
				out = append(out, Letter{st, to, st.Missed(to)})
			}
		}
	}
	return out
}

// Reached says how a channel took the step's message, or nil.
func (st *Step) Reached(channel string) *MessageSentData {
	if i := slices.IndexFunc(st.Sent, func(d MessageSentData) bool { return d.Channel == channel }); i >= 0 {
		return &st.Sent[i]
	}
	return nil
}

// Missed says why a channel did not get the step's message, or nil.
func (st *Step) Missed(channel string) *MessageUnsentData {
	if i := slices.IndexFunc(st.Unsent, func(d MessageUnsentData) bool { return d.Channel == channel }); i >= 0 {
		return &st.Unsent[i]
	}
	return nil
}

// delivered takes what became of a message; what came last counts.
func (s *State) delivered(st *Step, e Event) {
	if e.Type == MessageSent {
		d := tell[MessageSentData](s, e, st)
		st.Unsent = slices.DeleteFunc(st.Unsent, func(x MessageUnsentData) bool { return x.Channel == d.Channel })
		if st.Reached(d.Channel) == nil {
			st.Sent = append(st.Sent, d)
		}
		return
	}
	d := tell[MessageUnsentData](s, e, st)
	if st.Reached(d.Channel) != nil {
		return
	}
	if was := st.Missed(d.Channel); was != nil {
		*was = d
		return
	}
	st.Unsent = append(st.Unsent, d)
}
