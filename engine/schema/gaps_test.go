package schema

import (
	"slices"
	"strings"
	"testing"
)

// TestNoGaps: what the tables describe is there.
func TestNoGaps(t *testing.T) {
	if gaps := gaps(); len(gaps) > 0 {
		t.Errorf("nothing has what the tables describe: %s", strings.Join(gaps, ", "))
	}
}

// gaps are the entries of the tables that no field of an event uses.
func gaps() []string {
	j := newDrawer()
	j.line()
	for _, e := range events {
		j.value(e.data, "")
	}
	var out []string
	for name := range fieldDocs {
		if !j.used[name] {
			out = append(out, name)
		}
	}
	for name := range fieldWords {
		if !j.used["words "+name] {
			out = append(out, "words of "+name)
		}
	}
	for _, name := range operandLists {
		if !j.used["list "+name] {
			out = append(out, "operands of "+name)
		}
	}
	slices.Sort(out)
	return out
}
