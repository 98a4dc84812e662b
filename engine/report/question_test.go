package report

import (
	"strings"
	"testing"

	"runbook/engine/journal"
)

// TestAskedIsBounded: what is long is cut, says how much there is, and is whole where
// all of it is wanted.
func TestAskedIsBounded(t *testing.T) {
	long := journal.ApprovalRequestedData{Kind: "confirm", Shown: map[string]any{"script": strings.Repeat("echo line\n", 100) + "the end"}}
	text := Asked(long, nil, false)[0].Text
	if strings.Contains(text, "the end") || !strings.Contains(text, "1007 bytes in 101 lines") {
		t.Error(text)
	}
	if text = Asked(long, nil, true)[0].Text; !strings.HasSuffix(text, "the end") {
		t.Error(text)
	}
	wide := journal.ApprovalRequestedData{Kind: "confirm", Shown: map[string]any{"script": strings.Repeat("é", 3000)}}
	if text = Asked(wide, nil, false)[0].Text; !strings.Contains(text, "6000 bytes in 1 line;") || len(text) > 4200 {
		t.Error(len(text), text)
	}
}

// TestAskedAgainSaysWhatDiffers: whoever is asked again sees what is not as it was.
func TestAskedAgainSaysWhatDiffers(t *testing.T) {
	was := journal.ApprovalRequestedData{Kind: "confirm", Text: "Sure?", Shown: map[string]any{"script": "one\ntwo"}}
	is := was
	is.Shown = map[string]any{"script": "one\nthree"}
	parts := Asked(is, &was, false)
	if got := parts[len(parts)-1].Text; got != "-two\n+three" {
		t.Errorf("%q", got)
	}
}

// TestWrap: no line is wider than the terminal, and each begins with the prefix.
func TestWrap(t *testing.T) {
	for _, text := range []string{"short", strings.Repeat("word ", 50), strings.Repeat("x", 200), strings.Repeat("漢", 80), "a\n\n  " + strings.Repeat("y ", 70), "\t" + strings.Repeat("z", 90)} {
		got := Wrap(text, "│ ", 40)
		for _, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\n") {
			if columns(line) >= 40 || !strings.HasPrefix(line, "│") {
				t.Errorf("%d columns: %q", columns(line), line)
			}
		}
		whole := strings.NewReplacer("│", "", "↳", "", "\n", "", " ", "")
		if whole.Replace(got) != whole.Replace(strings.ReplaceAll(text, "\t", "")) {
			t.Errorf("%q is not all there: %q", text, got)
		}
	}
}
