package main

import (
	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/report"
)

// rehearse shows all that a run would do. Without --observe nothing is touched,
// not even the system's list of users: the name is what the caller or the
// environment says.
func (p *program) rehearse(c *cli.Context, rb *engine.Runbook) error {
	in, err := p.inputs(c, nil)
	if err != nil {
		return err
	}
	o := engine.RehearseOptions{Observe: c.Bool("observe"), Session: engine.Session{User: p.claimed(c), Env: p.env, Hurry: p.hurry}}
	if o.Observe {
		o.Inputs, err = in.Resolve(rb.Plan)
	} else {
		o.Inputs, err = in.Known(rb.Plan)
	}
	if err != nil {
		return failure(err)
	}
	if c.String("output") == "json" {
		o.Watch = append(o.Watch, eventWriter(p))
	} else {
		view := report.NewRehearsal(p.out, report.RehearsalOptions{Color: p.color(c.Bool("no-color"))})
		o.Watch = append(o.Watch, func(e journal.Event) { view.Event(e) })
		defer view.Close()
	}
	p.running.Store(o.Observe) // the checks are ended as those of a run
	defer p.running.Store(false)
	ctx, stop := withTimeout(c.Context, c.Duration("timeout"))
	defer stop()
	return failure(rb.Rehearse(ctx, o))
}

// claimed is who the caller or the environment says is there.
func (p *program) claimed(c *cli.Context) string {
	for _, name := range []string{c.String("as"), p.env("USER"), p.env("LOGNAME"), p.env("USERNAME")} {
		if name != "" {
			return name
		}
	}
	return "unknown"
}
