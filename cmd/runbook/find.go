package main

import (
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/find"
	"runbook/engine/report"
)

func (p *program) findCommand() *cli.Command {
	return &cli.Command{
		Name:      "find",
		Usage:     "which runbook fits what somebody says is wrong",
		ArgsUsage: "WORD...",
		Description: `Ranks the runbooks in ./runbooks, in the folders of RUNBOOK_PATH and among those
that are built in, by the words in their triggers, names, tags, titles,
descriptions and the titles of their steps.

  runbook find hubspot is down
  runbook find "payments do not arrive"

Exit codes: 0 found, 1 none fits.`,
		Flags: []cli.Flag{
			formatFlag("text", "text or json"),
			&cli.IntFlag{Name: "limit", Aliases: []string{"n"}, Value: 5, Usage: "at most this many; 0 is all"},
		},
		OnUsageError: onUsage,
		Action:       p.find,
	}
}

// foundRow is a runbook that fits.
type foundRow struct {
	Name    string        `json:"name"`
	Title   string        `json:"title"`
	File    string        `json:"file"`
	Score   int           `json:"score"`
	Because []find.Reason `json:"because"`
}

func (p *program) find(c *cli.Context) error {
	format := c.String("format")
	if format != "text" && format != "json" {
		return usage("no format %q: text or json", format)
	}
	query := strings.Join(c.Args().Slice(), " ")
	if strings.TrimSpace(query) == "" {
		return usage("find needs the words that say what is wrong; see `runbook find --help`")
	}
	rows := p.ranked(query)
	if n := c.Int("limit"); n > 0 {
		rows = rows[:min(n, len(rows))]
	}
	if format == "json" {
		if err := p.json(rows); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return &codeError{engine.ExitFailed, errors.New("no runbook fits; `runbook describe` lists all there are")}
	}
	if format == "text" {
		for _, r := range rows {
			r.write(p)
		}
	}
	return nil
}

// ranked holds all runbooks that have a name here against a query. One that cannot
// be read is still found by its name.
func (p *program) ranked(query string) []foundRow {
	rows, entries := []foundRow{}, []find.Entry{}
	for _, name := range p.places().Names() {
		row, e := foundRow{Name: name}, find.Entry{Name: name}
		if found, err := p.places().Open(name); err == nil {
			o := engine.ReadOutline(found.File)
			row.Title, row.File = o.Title, found.File.Name
			e.Title, e.Description, e.Triggers, e.Tags = o.Title, o.Description, o.Triggers, o.Tags
			for _, s := range o.Steps {
				e.Steps = append(e.Steps, s.Title)
			}
		}
		rows, entries = append(rows, row), append(entries, e)
	}
	out := []foundRow{}
	for _, m := range find.Rank(query, entries) {
		r := rows[m.Entry]
		r.Score, r.Because = m.Score, m.Why
		out = append(out, r)
	}
	return out
}

// write draws it for people: the runbook, and below it why.
func (r foundRow) write(p *program) {
	p.printf("%-20s  %s\n", report.Clean(r.Name), oneLine(r.Title, 100))
	for _, why := range r.Because {
		p.printf("%-20s  %-11s  %s\n", "", why.Field, oneLine(why.Text, 80))
	}
}

// oneLine is a text for a line of its own: no line breaks, nothing that drives a
// terminal, and not long.
func oneLine(s string, limit int) string {
	r := []rune(report.Clean(strings.Join(strings.Fields(s[:min(len(s), 8*limit)]), " ")))
	if len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return string(r)
}
