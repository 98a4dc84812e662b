package render

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"runbook/engine/source"
)

// finding is the JSON form. Lines and columns count from 1, columns in
// characters.
type finding struct {
	Code      string `json:"code"`
	Severity  string `json:"severity"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
	Message   string `json:"message"`
	Detail    string `json:"detail"`
}

func findings(found source.Diagnostics) []finding {
	out := make([]finding, 0, len(found))
	for _, d := range found {
		from, to := d.Span.Position(), d.Span.EndPosition()
		f := finding{Code: d.Code, Severity: d.Severity.String(), Line: from.Line, Column: from.Column,
			EndLine: to.Line, EndColumn: to.Column, Message: d.Summary, Detail: d.Detail}
		if d.Span.File != nil {
			f.File = d.Span.File.Name
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
		results = append(results, object{
			"ruleId": f.Code, "level": f.Severity,
			"message": object{"text": strings.TrimSpace(f.Message + "\n" + f.Detail)},
			"locations": []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": strings.ReplaceAll(f.File, "\\", "/")},
				"region":           object{"startLine": max(1, f.Line), "startColumn": max(1, f.Column), "endLine": max(1, f.EndLine), "endColumn": max(1, f.EndColumn)},
			}}},
		})
	}
	return encode(w, object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{"tool": object{"driver": object{"name": "runbook", "rules": rules}}, "columnKind": "unicodeCodePoints", "results": results}},
	})
}
