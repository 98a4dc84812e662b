package coverage_test

import (
	"encoding/json"
	"strings"
	"testing"

	"runbook/engine/coverage"
	"runbook/engine/journal"
)

// FuzzEvents: whatever stands in a journal, coverage takes no more than there is,
// and more events never make it take less.
func FuzzEvents(f *testing.F) {
	var seed strings.Builder
	for _, c := range cases {
		_, runs := played(f, c.beside, head+strings.TrimPrefix(c.text, "\n"), c.worlds...)
		for _, r := range runs {
			for _, e := range r.Events[1:] {
				line, err := json.Marshal(map[string]any{"type": e.Type, "step": e.Step, "key": e.Key, "data": e.Data})
				if err != nil {
					f.Fatal(err)
				}
				seed.Write(append(line, '\n'))
			}
		}
		f.Add(seed.String())
		seed.Reset()
	}
	f.Add(`{"type":"step.finished","key":"one>undo/finally/first[1]>on_failure#procedure>","data":{"verdict":"error"}}`)
	base := cases[len(cases)-1]
	rb, runs := played(f, base.beside, head+strings.TrimPrefix(base.text, "\n"), world{name: "w"})
	f.Fuzz(func(t *testing.T, lines string) {
		events := runs[0].Events[:1]
		for _, line := range strings.Split(lines, "\n") {
			var e journal.Event
			if json.Unmarshal([]byte(line), &e) == nil {
				events = append(events[:len(events):len(events)], e)
			}
		}
		some := coverage.Of(rb.Plan, coverage.Run{Name: "some", Events: events}).Figure(coverage.Total)
		more := append(append([]journal.Event{}, events...), runs[0].Events[1:]...)
		all := coverage.Of(rb.Plan, coverage.Run{Name: "some", Events: events}, coverage.Run{Name: "all", Events: more}).Figure(coverage.Total)
		if some.Taken > some.Of || all.Of != some.Of || all.Taken < some.Taken {
			t.Errorf("%v, and with more %v", some, all)
		}
	})
}
