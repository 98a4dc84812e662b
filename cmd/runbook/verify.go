package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"runbook/engine"
	"runbook/engine/journal"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "hold a run's journal against its chain of hashes",
		ArgsUsage: "RUN",
		Description: `Finds damage and edits in a journal, and names the first event that is not as it
was written. A journal that was forged as a whole can only be told by a head hash
that was kept elsewhere: give it with --head.`,
		Flags:        []cli.Flag{stateFlag(), &cli.StringFlag{Name: "head", Usage: "the hash that the last event must have"}},
		OnUsageError: onUsage,
		Action:       p.verify,
	}
}

func (p *program) verify(c *cli.Context) error {
	store, id, err := p.findRun(c)
	if err != nil {
		return err
	}
	log, err := store.Read(id)
	if err == nil {
		err = log.Check(id)
	}
	var damage *journal.DamageError
	switch {
	case errors.As(err, &damage):
		return &codeError{engine.ExitFailed, damage}
	case err != nil:
		return &codeError{engine.ExitFailed, err}
	case c.String("head") != "" && c.String("head") != log.Head():
		return &codeError{engine.ExitFailed, errors.New("the journal is whole, but it is not the one whose head was kept: its head is " + log.Head())}
	}
	p.printf("%s: %s, each as it was written\nhead %s\n", id, count(len(log.Events), "event"), log.Head())
	if log.Torn {
		p.printf("the last line is torn, as a crash leaves it; a resume heals it\n")
	}
	if c.String("head") == "" {
		p.printf("Whoever can write the file could have forged all of it: compare the head with one kept elsewhere (--head).\n")
	}
	return nil
}

// findRun finds the run that a command's only argument names.
func (p *program) findRun(c *cli.Context) (*journal.Store, string, error) {
	word, err := oneArg(c, "a run")
	if err != nil {
		return nil, "", err
	}
	store, err := p.store(c)
	if err != nil {
		return nil, "", err
	}
	id, err := store.Find(word)
	if err != nil {
		return nil, "", usage("%w", err)
	}
	return store, id, nil
}

// readRun reads the journal of that run.
func (p *program) readRun(c *cli.Context) (*journal.Store, string, *journal.Log, error) {
	store, id, err := p.findRun(c)
	if err != nil {
		return nil, "", nil, err
	}
	log, err := store.Read(id)
	if err != nil {
		return nil, "", nil, &codeError{engine.ExitFailed, err}
	}
	return store, id, log, nil
}
