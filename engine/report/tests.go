package report

import (
	"encoding/xml"
	"io"
	"time"
)

// Suite is a file of tests.
type Suite struct {
	Name  string
	Cases []Case
}

// Case is one test. Failure is why it did not pass, Error why it could not be
// made; Text is what else there is to say.
type Case struct {
	Name    string
	Took    time.Duration
	Failure string
	Error   string
	Text    string
}

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []*suite
}

// JUnitTests writes tests as JUnit XML.
func JUnitTests(w io.Writer, name string, list []Suite) error {
	all := &suites{Name: xmlText(name)}
	total := time.Duration(0)
	for _, s := range list {
		u := &suite{Name: xmlText(s.Name)}
		took := time.Duration(0)
		for _, c := range s.Cases {
			u.add(c.junit(u.Name))
			took += c.Took
		}
		u.Time = decimal(took)
		total += took
		all.Tests, all.Failures, all.Errors = all.Tests+u.Tests, all.Failures+u.Failures, all.Errors+u.Errors
		all.Suites = append(all.Suites, u)
	}
	all.Time = decimal(total)
	return writeXML(w, all)
}

func (c Case) junit(class string) testcase {
	out := testcase{Name: xmlText(c.Name), Class: class, Time: decimal(c.Took)}
	switch {
	case c.Error != "":
		out.Error = &problem{Message: xmlText(oneLine(c.Error)), Text: xmlText(c.Text)}
	case c.Failure != "":
		out.Failure = &problem{Message: xmlText(oneLine(c.Failure)), Text: xmlText(c.Failure + "\n\n" + c.Text)}
	}
	return out
}
