package render

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"runbook/engine/source"
)

// place is where something stands. Lines and columns count from 1, columns in
// characters.
type place struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
}

func placeOf(s source.Span) place {
	from, to := s.Position(), s.EndPosition()
	p := place{Line: from.Line, Column: from.Column, EndLine: to.Line, EndColumn: to.Column}
	if s.File != nil {
		p.File = s.File.Name
	}
	return p
}

// finding is the JSON form.
type finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	place
	Message string `json:"message"`
	Detail  string `json:"detail"`
	Related []note `json:"related,omitempty"`
}

// note is another place that a finding is about, and what it has to do with it.
type note struct {
	place
	Text string `json:"text"`
}

func findings(found source.Diagnostics) []finding {
	out := make([]finding, 0, len(found))
	for _, d := range found {
		f := finding{Code: d.Code, Severity: d.Severity.String(), place: placeOf(d.Span), Message: d.Summary, Detail: d.Detail}
		for _, n := range d.Related {
			f.Related = append(f.Related, note{placeOf(n.Span), n.Text})
		}
		out = append(out, f)
	}
	return out
}

// JSON writes one array of findings; without any it is [].
func JSON(w io.Writer, found source.Diagnostics) error { return encode(w, findings(found)) }

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// GitHub writes workflow commands, which GitHub Actions shows at the lines of a
// change (docs.github.com, "Workflow commands for GitHub Actions").
func GitHub(w io.Writer, found source.Diagnostics) error {
	b := bufio.NewWriter(w)
	for _, f := range findings(found) {
		message := f.Message
		for _, n := range f.Related {
			message += fmt.Sprintf("\n%s:%d:%d: %s", n.File, n.Line, n.Column, n.Text)
		}
		if f.Detail != "" {
			message += "\n" + f.Detail
		}
		fmt.Fprintf(b, "::%s file=%s,line=%d,endLine=%d,col=%d,endColumn=%d,title=%s::%s\n", f.Severity, property(f.File),
			f.Line, f.EndLine, f.Column, f.EndColumn, property(f.Code), data(message))
	}
	return b.Flush()
}

func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}

type object = map[string]any

// SARIF writes SARIF 2.1.0 (OASIS), which code scanning services read.
func SARIF(w io.Writer, found source.Diagnostics) error {
	results, rules := []object{}, []object{}
	seen := map[string]bool{}
	for _, f := range findings(found) {
		if !seen[f.Code] {
			seen[f.Code] = true
			rules = append(rules, object{"id": f.Code})
		}
		result := object{
			"ruleId": f.Code, "level": f.Severity,
			"message":   object{"text": strings.TrimSpace(f.Message + "\n" + f.Detail)},
			"locations": []object{{"physicalLocation": physical(f.place)}},
		}
		if len(f.Related) > 0 {
			related := []object{}
			for _, n := range f.Related {
				related = append(related, object{"physicalLocation": physical(n.place), "message": object{"text": n.Text}})
			}
			result["relatedLocations"] = related
		}
		results = append(results, result)
	}
	return encode(w, object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{"tool": object{"driver": object{"name": "runbook", "rules": rules}}, "columnKind": "unicodeCodePoints", "results": results}},
	})
}

// physical is a place in SARIF's words; a file is named by a URI.
func physical(p place) object {
	file := url.URL{Path: strings.ReplaceAll(p.File, "\\", "/")}
	return object{
		"artifactLocation": object{"uri": file.String()},
		"region":           object{"startLine": max(1, p.Line), "startColumn": max(1, p.Column), "endLine": max(1, p.EndLine), "endColumn": max(1, p.EndColumn)},
	}
}
