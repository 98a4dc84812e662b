package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/plan"
	"runbook/engine/report"
	"runbook/engine/scenario"
	"runbook/engine/types"
)

func (p *program) describeCommand() *cli.Command {
	return &cli.Command{
		Name:      "describe",
		Usage:     "what a runbook is for, what it takes, and what it may do; without a name, all runbooks",
		ArgsUsage: "[RUNBOOK]",
		Flags: []cli.Flag{
			policyFlag(),
			formatFlag("text", "text or json"),
			&cli.BoolFlag{Name: "no-color", Usage: "plain text"},
		},
		OnUsageError: onUsage,
		Action:       p.describe,
	}
}

func (p *program) describe(c *cli.Context) error {
	format := c.String("format")
	if format != "text" && format != "json" {
		return usage("no format %q: text or json", format)
	}
	if err := p.underPolicy(c); err != nil {
		return err
	}
	if c.NArg() == 0 {
		return p.describeAll(format)
	}
	name, err := oneArg(c, "a runbook")
	if err != nil {
		return err
	}
	d, err := p.description(name, c.Bool("no-color"))
	if err != nil {
		return err
	}
	if format == "json" {
		return p.json(d)
	}
	d.write(p)
	return nil
}

// describeAll lists the runbooks that can be found by name.
func (p *program) describeAll(format string) error {
	type row struct {
		Name    string `json:"name"`
		Title   string `json:"title"`
		File    string `json:"file"`
		Problem string `json:"problem,omitempty"`
	}
	rows := []row{}
	for _, name := range p.places().Names() {
		found, err := p.places().Open(name)
		if err != nil {
			rows = append(rows, row{Name: name, Problem: err.Error()})
			continue
		}
		rb, diags := engine.Load(found.File, engine.WithFiles(found.Files()), engine.WithPolicy(p.policy))
		r := row{Name: name, File: found.File.Name}
		if rb == nil {
			r.Problem = fmt.Sprintf("%s: see `runbook validate`", count(len(diags), "problem"))
		} else {
			r.Title = rb.Plan.Title
		}
		rows = append(rows, r)
	}
	if format == "json" {
		return p.json(rows)
	}
	for _, r := range rows {
		p.printf("%-20s  %s\n", r.Name, report.Clean(r.Title+r.Problem))
	}
	if len(rows) == 0 {
		p.printf("no runbooks in ./runbooks or RUNBOOK_PATH\n")
	}
	return nil
}

// about is what there is to say of a runbook, for people and machines.
type about struct {
	Name        string              `json:"name"`
	Title       string              `json:"title,omitempty"`
	Description string              `json:"description,omitempty"`
	Version     string              `json:"version,omitempty"`
	File        string              `json:"file"`
	Digest      string              `json:"digest"`
	Tags        []string            `json:"tags,omitempty"`
	Triggers    []string            `json:"triggers,omitempty"`
	Inputs      []aboutInput        `json:"inputs"`
	Secrets     []aboutSecret       `json:"secrets"`
	Requires    []string            `json:"requires,omitempty"`
	Permissions map[string][]string `json:"permissions"`
	Policy      *aboutPolicy        `json:"policy,omitempty"`
	Outputs     []aboutOutput       `json:"outputs,omitempty"`
	Steps       []aboutStep         `json:"steps"`
	Scenarios   []aboutScenario     `json:"scenarios,omitempty"`
}

type aboutInput struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Required    bool   `json:"required"`
	Default     any    `json:"default,omitempty"`
	Description string `json:"description,omitempty"`
}

// aboutOutput is a value that the run gives.
type aboutOutput struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type aboutSecret struct {
	Name        string `json:"name"`
	From        string `json:"from"`
	Optional    bool   `json:"optional"`
	Description string `json:"description,omitempty"`
}

type aboutStep struct {
	ID    string      `json:"id"`
	Role  string      `json:"role"`
	Title string      `json:"title,omitempty"`
	When  string      `json:"when,omitempty"` // of a branch
	Runs  string      `json:"runs,omitempty"` // the file of another runbook
	Steps []aboutStep `json:"steps,omitempty"`
}

type aboutScenario struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
}

// description loads a runbook and gathers what there is to say of it.
func (p *program) description(name string, plain bool) (*about, error) {
	found, err := p.places().Open(name)
	if err != nil {
		return nil, usage("%w", err)
	}
	rb, err := p.load(found.File, found.Files(), plain)
	if err != nil {
		return nil, err
	}
	pl := rb.Plan
	d := &about{
		Name: pl.Name, Title: pl.Title, Description: pl.Description, Version: pl.Version, File: found.File.Name, Digest: pl.Digest,
		Tags: pl.Tags, Triggers: pl.Triggers, Permissions: pl.MayDo(), Policy: p.aboutPolicy(rb), Inputs: []aboutInput{}, Secrets: []aboutSecret{},
	}
	for _, in := range pl.Inputs {
		d.Inputs = append(d.Inputs, aboutInput{in.Name, in.Type.String(), in.Required, types.Encode(in.Default), in.Description})
	}
	for _, p := range pl.Plans() { // the secrets of all have to be there before the first step
		for _, s := range p.Secrets {
			d.Secrets = append(d.Secrets, aboutSecret{s.Key, secretSource(s), s.Optional, s.Description})
		}
	}
	for _, o := range pl.Outputs {
		d.Outputs = append(d.Outputs, aboutOutput{o.Name, o.Type.String()})
	}
	d.Requires = pl.Needs()
	d.Steps = outline(pl.Steps, nil)
	if len(pl.Finally) > 0 {
		d.Steps = append(d.Steps, aboutStep{ID: "finally", Role: "group", When: "whatever happened", Steps: outline(pl.Finally, nil)})
	}
	if f, err := found.Beside(scenario.Suffix); err == nil {
		if file, _ := rb.Scenarios(f); file != nil {
			for _, s := range file.Scenarios {
				d.Scenarios = append(d.Scenarios, aboutScenario{s.Name, s.Title})
			}
		}
	}
	return d, nil
}

func secretSource(s *plan.Secret) string {
	switch {
	case s.Env != "":
		return "the environment variable " + s.Env
	case s.File != "":
		return "the file " + s.File
	}
	return "the command " + strings.Join(s.Command, " ")
}

// outline is the tree of steps, with procedures and other runbooks in the places
// they are called from. They do not call themselves, so it ends.
func outline(steps []*plan.Step, out []aboutStep) []aboutStep {
	for _, s := range steps {
		a := aboutStep{ID: s.ID, Role: string(s.Role), Title: titleOf(s), Steps: outline(s.Steps, nil)}
		if s.Call != nil {
			a.Steps = outline(s.Call.Procedure.Steps, a.Steps)
		}
		if s.Sub != nil {
			a.Runs, a.Steps = s.Sub.Plan.File.Name, outline(s.Sub.Plan.Steps, a.Steps)
		}
		for _, b := range s.Branches {
			a.Steps = append(a.Steps, outlineBranch(b))
		}
		out = append(out, a)
	}
	return out
}

func outlineBranch(b *plan.Branch) aboutStep {
	a := aboutStep{ID: b.ID, Role: "branch", When: "else", Steps: outline(b.Steps, nil)}
	if b.When != nil {
		a.When = b.When.Source
	}
	if b.Title != nil {
		a.Title = b.Title.Text.Value
	}
	if b.Call != nil {
		a.Steps = outline(b.Call.Procedure.Steps, a.Steps)
	}
	return a
}

// titleOf is a step's title as it is written.
func titleOf(s *plan.Step) string {
	if s.Title == nil {
		return ""
	}
	return s.Title.Text.Value
}

// write draws it for people.
func (d *about) write(p *program) {
	p.printf("%s%s\n", report.Clean(d.Name), apart(d.Title))
	if d.Description != "" {
		p.printf("\n%s\n", report.Clean(strings.TrimRight(d.Description, "\n")))
	}
	p.printf("\nfile      %s\n", report.Clean(d.File))
	if d.Version != "" {
		p.printf("version   %s\n", report.Clean(d.Version))
	}
	d.writeNeeds(p)
	d.writeMayDo(p)
	d.Policy.write(p)
	if len(d.Outputs) > 0 {
		p.printf("\nGives\n")
	}
	for _, o := range d.Outputs {
		p.printf("  %-14s %s\n", report.Clean(o.Name), report.Clean(o.Type))
	}
	p.printf("\nSteps\n")
	writeOutline(p, d.Steps, 1)
	if len(d.Scenarios) > 0 {
		p.printf("\nScenarios to practise: runbook run %s --scenario NAME\n", d.Name)
	}
	for _, s := range d.Scenarios {
		p.printf("%s\n", strings.TrimRight(fmt.Sprintf("  %-26s %s", report.Clean(s.Name), report.Clean(s.Title)), " "))
	}
}

func (d *about) writeMayDo(p *program) {
	p.printf("\nMay do\n")
	none := true
	for _, k := range []string{"observe", "act", "hosts", "env", "read", "write", "messages"} {
		if list := d.Permissions[k]; len(list) > 0 {
			p.printf("  %-8s %s\n", k, report.Clean(strings.Join(list, ", ")))
			none = false
		}
	}
	if none {
		p.printf("  nothing: no program, host or file\n")
	}
}

func (d *about) writeNeeds(p *program) {
	if len(d.Inputs) > 0 {
		p.printf("\nInputs\n")
	}
	for _, in := range d.Inputs {
		def := "required"
		if in.Default != nil {
			def = "default " + defaultText(in.Default)
		} else if !in.Required {
			def = "optional"
		}
		p.printf("  %-14s %s, %s%s\n", report.Clean(in.Name), in.Type, report.Clean(def), apart(in.Description))
	}
	if len(d.Secrets) > 0 {
		p.printf("\nSecrets\n")
	}
	for _, s := range d.Secrets {
		optional := ""
		if s.Optional {
			optional = " (optional)"
		}
		p.printf("  %-14s from %s%s%s\n", report.Clean(s.Name), report.Clean(s.From), optional, apart(s.Description))
	}
	if len(d.Requires) > 0 {
		p.printf("\nNeeds     %s\n", report.Clean(strings.Join(d.Requires, ", ")))
	}
}

// apart is a title or a description behind something else, or nothing.
func apart(text string) string {
	if text == "" {
		return ""
	}
	return "  " + report.Clean(text)
}

// defaultText quotes what is text, so that an empty one is seen.
func defaultText(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return types.Format(v)
}

func writeOutline(p *program, steps []aboutStep, depth int) {
	for _, s := range steps {
		line := strings.Repeat("  ", depth) + s.Role + " " + s.ID
		if s.Title != "" {
			line += ": " + s.Title
		}
		if s.When != "" {
			line += "  [" + s.When + "]"
		}
		if s.Runs != "" {
			line += "  (runs " + s.Runs + ")"
		}
		p.printf("%s\n", report.Clean(strings.ReplaceAll(line, "\n", " ")))
		writeOutline(p, s.Steps, depth+1)
	}
}
