package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"runbook/engine/journal"
)

type suite struct {
	XMLName   xml.Name    `xml:"testsuite"`
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	Props     *properties `xml:"properties"`
	Cases     []testcase  `xml:"testcase"`
}

type properties struct {
	List []property `xml:"property"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testcase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Time    string   `xml:"time,attr"`
	Failure *problem `xml:"failure"`
	Error   *problem `xml:"error"`
	Skipped *problem `xml:"skipped"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes a run as JUnit XML: a test case for every check and action, and
// one more for what failed the run where that was neither.
func JUnit(w io.Writer, s *journal.State) error {
	if s == nil {
		s = journal.NewState()
	}
	out := &suite{Name: xmlText(first(s.Started.Runbook.Name, "runbook")), Timestamp: stamp(s.Began)}
	if s.Started.Mode == drill {
		out.Name = drillMark + out.Name
	}
	took := s.Last.Sub(s.Began)
	if s.Finished != nil {
		took = s.Finished.Duration.Duration()
	}
	out.Time = decimal(took)
	out.Props = &properties{}
	for _, p := range []property{{"run", s.Run}, {"mode", s.Started.Mode}, {"outcome", outcome(s)}} {
		out.Props.List = append(out.Props.List, property{p.Name, xmlText(p.Value)})
	}
	failed := false
	for _, st := range s.Steps {
		if st.Info.Role == "check" || st.Info.Role == "action" {
			c := out.of(st)
			failed = failed || c.Failure != nil || c.Error != nil
			out.add(c)
		}
	}
	if c := out.ofRun(s, failed); c != nil {
		out.add(*c)
	}
	return writeXML(w, out)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05")
}

func decimal(d time.Duration) string { return fmt.Sprintf("%.3f", max(0, d.Seconds())) }

// of is the test case of a step.
func (u *suite) of(st *journal.Step) testcase {
	c := testcase{Name: xmlText(called(st)), Class: u.Name, Time: "0.000"}
	if st.Done == nil {
		c.Error = &problem{Message: "it did not finish"}
		if st.Open() != nil {
			c.Error, c.Skipped = nil, &problem{Message: "it waits for a person"}
		}
		return c
	}
	c.Time = decimal(st.Done.Duration.Duration())
	p := &problem{Message: xmlText(oneLine(st.Done.Reason)), Text: xmlText(detail(st.Done))}
	if st.Done.Error != nil {
		p.Type = xmlText(st.Done.Error.Kind)
	}
	switch st.Done.Verdict {
	case "passed":
	case "skipped":
		c.Skipped = p
	case "failed":
		c.Failure = p
	default:
		c.Error = p
	}
	return c
}

// detail is the reason with what the step's program complained of.
func detail(d *journal.StepFinishedData) string {
	text := Clean(d.Reason)
	if s, _ := d.Results["stderr"].(string); s != "" && d.Verdict != "passed" {
		text += "\n" + lastLines(Clean(s), 40)
	}
	return text
}

// ofRun is the test case of the run itself: there where it did not come to a
// good end, and no test case says so.
func (u *suite) ofRun(s *journal.State, failed bool) *testcase {
	c := &testcase{Name: "the run", Class: u.Name, Time: u.Time}
	switch f := s.Finished; {
	case f == nil && s.Paused != nil:
		c.Skipped = &problem{Message: "it waits for a person"}
	case f == nil:
		c.Error = &problem{Message: "the run did not end"}
	case f.Outcome == "cancelled":
		c.Error = &problem{Message: xmlText(oneLine(first(f.Error, "the run was cancelled")))}
	case f.Outcome == "failed" && !failed:
		why := first(f.Error, f.Summary, "the run failed")
		if f.Failed != "" {
			why = f.Failed + ": " + why
		}
		c.Failure = &problem{Message: xmlText(oneLine(why))}
	default:
		return nil
	}
	return c
}

func (u *suite) add(c testcase) {
	u.Tests++
	switch {
	case c.Failure != nil:
		u.Failures++
	case c.Error != nil:
		u.Errors++
	case c.Skipped != nil:
		u.Skipped++
	}
	u.Cases = append(u.Cases, c)
}

func writeXML(w io.Writer, v any) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// xmlText leaves out what no XML document may hold.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, Clean(s))
}
