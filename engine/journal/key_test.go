package journal

import "testing"

func TestKeys(t *testing.T) {
	for _, c := range []struct{ key, step, once string }{
		{"triage/api#p3.a2", "triage/api", "triage/api#p3.a2"},
		{"triage#p3.poll", "triage", "triage#p3.poll"},
		{"triage#p3.a1/api#a2", "triage#p3.a1/api", "triage/api#a2"},
		{"a#p1/b#a2/c>on_failure/d#delay", "a#p1/b#a2/c>on_failure/d", "a/b/c>on_failure/d#delay"},
		{"store>undo#undo", "store>undo", "store>undo#undo"},
		{"store#a1.doubt/check_after#a1", "store#a1.doubt/check_after", "store/check_after#a1"},
		{"", "", ""},
	} {
		if got := StepKey(c.key); got != c.step {
			t.Errorf("StepKey(%q) = %q, want %q", c.key, got, c.step)
		}
		if got := Once(c.key); got != c.once {
			t.Errorf("Once(%q) = %q, want %q", c.key, got, c.once)
		}
	}
}

// TestOwner: what happens in a round of a group belongs to the step of that
// round, and what has no step of its own to the nearest around it.
func TestOwner(t *testing.T) {
	s := NewState()
	for _, key := range []string{"g", "g#p1/a", "g#p2/a"} {
		s.Apply(Event{Type: StepStarted, Step: "x", Key: key})
	}
	for key, want := range map[string]string{"g#p2/a#a1": "g#p2/a", "g#p2.poll": "g", "g#p1/a#a1.doubt/check_after#a1": "g#p1/a", "g/a>undo": "g#p2/a", "g#p3/a": "g", "other#a1": ""} {
		got := ""
		if st := s.owner(Event{Key: key}); st != nil {
			got = st.Key
		}
		if got != want {
			t.Errorf("owner of %q is %q, want %q", key, got, want)
		}
	}
}
