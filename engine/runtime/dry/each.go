package dry

import (
	"fmt"
	"maps"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/types"
)

// maxShown is how many items of an `each` are rehearsed one by one.
const maxShown = 20

// each walks the steps for every item of a list that is known; else once, with
// the item as ‹NAME›.
func (w *walk) each(f frame, s *plan.Step, key string) {
	if v, known := s.In.Preview(f.env()); known {
		if list, isList := v.([]any); isList && len(list) <= maxShown {
			var ends []frame
			for i, item := range list {
				at := fmt.Sprintf("%s[%d]", key, i)
				w.emit(journal.ItemStarted, s.ID, at, journal.ItemStartedData{Name: s.As, Index: i, Value: types.Encode(item)})
				ends = append(ends, w.item(f, s, at, item))
			}
			w.merge(f, ends)
			return
		}
	}
	w.merge(f, []frame{w.item(f, s, key+"[]", lang.Unknown{Path: s.As})})
}

func (w *walk) item(f frame, s *plan.Step, path string, item any) frame {
	in := f.at(path)
	in.items = maps.Clone(f.items)
	if in.items == nil {
		in.items = map[string]any{}
	}
	in.items[s.As] = item
	w.steps(in, s.Steps)
	return in
}

// every says what an `each` goes through, and how.
func every(s *plan.Step) string {
	if s.Role != plan.Each || s.In == nil {
		return ""
	}
	text := s.As + " in " + s.In.Source
	if s.Max > 1 {
		text += fmt.Sprintf(", %d at once", s.Max)
	}
	if s.MaxFailures > 0 {
		text += fmt.Sprintf(", %d may fail", s.MaxFailures)
	}
	return text
}
