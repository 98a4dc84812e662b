package report

import (
	_ "embed"
	"html/template"
	"io"

	"runbook/engine/journal"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"web": isHTTP}).Parse(pageHTML))

// HTML writes the report of a run as one page that needs nothing besides itself.
func HTML(w io.Writer, s *journal.State) error { return pageTemplate.Execute(w, newPage(s)) }
