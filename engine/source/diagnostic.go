package source

import (
	"cmp"
	"slices"
	"strings"
)

// Severity ranks a finding.
type Severity int

// An Error makes a runbook invalid; a Warning does not.
const (
	Error Severity = iota
	Warning
)

// String is the severity's lower-case name.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one finding about a file. Summary is one short sentence that
// says what is wrong; Detail says why and what to do instead. Code is a stable
// kebab-case name (`unknown-key`) that tools filter by.
type Diagnostic struct {
	Code     string
	Severity Severity
	Span     Span
	Summary  string
	Detail   string
	Related  []Note
}

// The bounds of what a finding says: it may quote the file, which may be hostile.
const (
	maxSummary = 500
	maxDetail  = 2000
)

// Bounded is the finding with its texts cut to a length that people can read.
func (d Diagnostic) Bounded() Diagnostic {
	d.Summary, d.Detail = cut(d.Summary, maxSummary), cut(d.Detail, maxDetail)
	return d
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// Note points at a second place that a finding speaks of.
type Note struct {
	Span Span
	Text string
}

// Diagnostics is a list of findings.
type Diagnostics []Diagnostic

// Report takes findings as they are made. Every stage gets one, so that none
// stops at the first error.
type Report func(Diagnostic)

// Failed reports whether a finding is an error.
func (d Diagnostics) Failed() bool {
	return slices.ContainsFunc(d, func(x Diagnostic) bool { return x.Severity == Error })
}

// Sort orders findings by file, place and code, and drops equal ones.
func (d Diagnostics) Sort() Diagnostics {
	slices.SortStableFunc(d, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(name(a), name(b)), cmp.Compare(a.Span.Start, b.Span.Start),
			cmp.Compare(a.Span.End, b.Span.End), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Summary, b.Summary))
	})
	return slices.CompactFunc(d, func(a, b Diagnostic) bool {
		return name(a) == name(b) && a.Span.Start == b.Span.Start && a.Span.End == b.Span.End && a.Code == b.Code && a.Summary == b.Summary
	})
}

func name(d Diagnostic) string {
	if d.Span.File == nil {
		return ""
	}
	return d.Span.File.Name
}
