package report

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"runbook/engine/journal"
)

func path(events []journal.Event, color bool) string {
	var b strings.Builder
	if err := Path(&b, journal.Fold(events), "  ", color); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestPath(t *testing.T) {
	golden(t, "orders.path", path(fixture(t, "orders"), false))
	if text := path(hostileEvents(hostile), false); drives(text) != "" {
		t.Errorf("%q drives a terminal by %q", text, drives(text))
	}
	if plain, painted := path(fixture(t, "orders"), false), path(fixture(t, "orders"), true); plain == painted || strings.Count(plain, "\n") != strings.Count(painted, "\n") {
		t.Errorf("painted:\n%s", painted)
	}
	for _, l := range strings.Split(strings.TrimSuffix(path(fixture(t, "orders"), false), "\n"), "\n") {
		if !strings.HasPrefix(l, "  ") {
			t.Errorf("without a margin: %q", l)
		}
	}
}

// TestLongPath: of a long way the end is shown.
func TestLongPath(t *testing.T) {
	var events []journal.Event
	for i := range 500 {
		for _, typ := range []journal.Type{journal.StepStarted, journal.StepFinished} {
			events = append(events, journal.Event{Type: typ, Step: "s", Key: fmt.Sprintf("s%d", i), Data: []byte(`{"role":"check","verdict":"passed"}`)})
		}
	}
	got := strings.Split(strings.TrimSpace(path(events, false)), "\n")
	if len(got) != maxPath+1 || got[0] != "… 420 lines before" || !strings.Contains(got[maxPath], "s499") {
		t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

func TestJUnitTests(t *testing.T) {
	var b strings.Builder
	err := JUnitTests(&b, "all", []Suite{
		{Name: "a.yaml", Cases: []Case{{Name: "good", Took: 1500 * time.Millisecond}, {Name: "bad", Failure: "expected <a>\x00 & got\nb", Text: "the way"}}},
		{Name: "b.yaml", Cases: []Case{{Name: "not made", Error: "why"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Time     string `xml:"time,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Tests int    `xml:"tests,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Failure struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
				Error struct {
					Message string `xml:"message,attr"`
				} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 3 || got.Failures != 1 || got.Errors != 1 || got.Time != "1.500" || len(got.Suites) != 2 || got.Suites[0].Tests != 2 {
		t.Errorf("%+v", got)
	}
	if bad := got.Suites[0].Cases[1]; !strings.HasPrefix(bad.Failure.Message, "expected <a>") || !strings.Contains(bad.Failure.Text, "the way") {
		t.Errorf("%+v", bad)
	}
	if e := got.Suites[1].Cases[0].Error.Message; e != "why" {
		t.Errorf("the error is %q", e)
	}
}
