package main

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
)

func (p *program) runsCommand() *cli.Command {
	return &cli.Command{
		Name:  "runs",
		Usage: "the runs that are kept here, the newest first",
		Flags: []cli.Flag{
			stateFlag(),
			formatFlag("text", "text or json"),
			&cli.StringFlag{Name: "runbook", Usage: "only runs of the runbook `NAME`"},
			&cli.BoolFlag{Name: "open", Usage: "only runs that are not over: running, paused, interrupted"},
			&cli.IntFlag{Name: "limit", Aliases: []string{"n"}, Value: 20, Usage: "at most this many; 0 is all"},
		},
		OnUsageError: onUsage,
		Action:       p.runs,
	}
}

// askedRow is a question that a run waits for: who may answer it (everybody where
// that is missing), and the command that does.
type askedRow struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Text   string   `json:"text,omitempty"`
	By     []string `json:"by,omitempty"`
	Answer string   `json:"answer"`
}

// runRow is a run in the list.
type runRow struct {
	Run      string          `json:"run"`
	Runbook  string          `json:"runbook"`
	Mode     string          `json:"mode"`
	Status   string          `json:"status"`
	Began    time.Time       `json:"began"`
	Duration journal.Seconds `json:"duration"`
	User     string          `json:"user"`
	Summary  string          `json:"summary,omitempty"`
	Waiting  []string        `json:"waiting,omitempty"`
	Owed     []string        `json:"owed,omitempty"`   // actions of a run that is over which are still to be undone, the last first
	Asked    []askedRow      `json:"asked,omitempty"`  // of a paused run: what it waits for
	Unsent   int             `json:"unsent,omitempty"` // messages that did not get to a channel
	Problem  string          `json:"problem,omitempty"`
}

func (p *program) runs(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	format := c.String("format")
	if format != "text" && format != "json" {
		return usage("no format %q: text or json", format)
	}
	store, err := p.store(c)
	if err != nil {
		return err
	}
	rows, err := runRows(store, c.String("runbook"), c.Bool("open"), c.Int("limit"), commandsOf(c))
	if err != nil {
		return &codeError{engine.ExitFailed, err}
	}
	if format == "json" {
		return p.json(rows)
	}
	if len(rows) == 0 {
		p.printf("no runs in %s\n", store.Dir)
	}
	for _, r := range rows {
		mode := ""
		if r.Mode == string(engine.ModeDrill) {
			mode = "  DRILL"
		}
		began := strings.Repeat(" ", len(beganLayout)-1) + "-"
		if !r.Began.IsZero() {
			began = r.Began.UTC().Format(beganLayout)
		}
		p.printf("%-44s  %s  %-11s  %-10s%s  %s\n", r.Run, began, r.Status, duration(r.Duration), mode, report.Clean(r.about(goesOnWith(c, "undo"))))
		for _, a := range r.Asked {
			p.printf("    waits for %s\n      %s\n", report.Clean(a.about()), report.Clean(a.Answer))
		}
	}
	return nil
}

// beganLayout is how a run's begin stands in the list.
const beganLayout = "2006-01-02 15:04:05Z"

func (r runRow) about(undo string) string {
	if r.Problem != "" {
		return r.Problem
	}
	text := r.Summary
	if len(r.Owed) > 0 {
		text = strings.TrimPrefix(text+"; ", "; ") + "to be undone: " + strings.Join(r.Owed, ", ") + " (" + undo + " " + r.Run + ")"
	}
	if r.Unsent > 0 {
		text = strings.TrimPrefix(text+"; ", "; ") + count(r.Unsent, "message") + " not sent"
	}
	return text
}

func duration(s journal.Seconds) string {
	d := s.Duration()
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// runRows reads the journals, as far as they are wanted. One that cannot be read
// is a row that says so.
func runRows(store *journal.Store, name string, open bool, limit int, command func(string) string) ([]runRow, error) {
	ids, err := store.IDs()
	if err != nil {
		return nil, err
	}
	rows := []runRow{}
	for _, id := range ids {
		if limit > 0 && len(rows) == limit {
			break
		}
		r := readRow(store, id, command)
		if name != "" && r.Runbook != name || open && !r.open() {
			continue
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (r runRow) open() bool {
	return r.Problem != "" || r.Status == "running" || r.Status == "paused" || r.Status == "interrupted"
}

func readRow(store *journal.Store, id string, command func(string) string) runRow {
	log, err := store.Read(id)
	if err != nil {
		began, _ := journal.Began(id) // a folder that somebody else named tells none
		return runRow{Run: id, Status: "unreadable", Began: began, Problem: err.Error()}
	}
	s := journal.Fold(log.Events)
	r := runRow{
		Run: id, Runbook: s.Started.Runbook.Name, Mode: s.Started.Mode, Status: s.Status(store.Busy(id)), Began: s.Began,
		Duration: journal.SecondsOf(s.Last.Sub(s.Began)), User: s.Started.User, Waiting: s.Paused,
	}
	if s.Started.Mode != string(engine.ModeDrill) {
		r.Unsent = len(s.Outbox())
	}
	if r.Status == "paused" && r.Mode != string(engine.ModeDrill) {
		r.Asked = askedRows(s, command(takesUp(s))+" "+id)
	}
	if s.Finished != nil {
		if s.Started.Mode != string(engine.ModeDrill) {
			for _, u := range s.Owed() {
				r.Owed = append(r.Owed, u.Action)
			}
		}
		r.Duration = s.Finished.Duration
		r.Summary = s.Finished.Summary
		if r.Summary == "" {
			r.Summary = s.Finished.Error
		}
	}
	return r
}

func askedRows(s *journal.State, command string) []askedRow {
	var out []askedRow
	list := openQuestions(s)
	for _, w := range list {
		text := w.asked.Text
		if text == "" {
			text = w.asked.Title
		}
		how, _, _ := strings.Cut(howToAnswerOne(s, list, w, command), "\n")
		out = append(out, askedRow{Name: w.name, Kind: w.asked.Kind, Text: text, By: mayApprove(w.asked), Answer: strings.TrimSpace(how)})
	}
	return out
}

// about is a question on a line.
func (a askedRow) about() string {
	text := a.Name + ": " + strings.Join(strings.Fields(a.Text), " ")
	if len(a.By) > 0 {
		text += " (" + strings.Join(a.By, " or ") + ")"
	}
	return text
}
