package interp

import (
	"fmt"
	"slices"
	"time"

	"runbook/engine/journal"
	"runbook/engine/lang"
	"runbook/engine/plan"
	"runbook/engine/secret"
)

// sendingTakes bounds how long one channel can take for a message.
const sendingTakes = 10 * time.Second

// Delivery is a message on its way to one channel.
type Delivery struct {
	Key     Key // of the message's step
	Step    string
	Run     string
	Plan    *plan.Plan // the runbook that sends it
	Channel *plan.Channel
	Inputs  map[string]any
	Secrets map[string]any
	Title   string
	Text    string
	Status  string
	// Incident is the one on a status page that it belongs to; "" begins one.
	Incident string
}

// send sends a message to its channels, side by side. The error is how the scope
// ended; what the channels say is in the journal and stops nothing.
func (r *run) send(w World, s *plan.Step, key Key, title, text string) error {
	list := make([]Delivery, len(s.To))
	for i, name := range s.To {
		list[i] = Delivery{Key: key, Step: s.ID, Run: r.opts.Run, Plan: r.plan, Channel: r.plan.Channel(name), Inputs: r.opts.Inputs, Secrets: r.secrets,
			Title: title, Text: text, Status: s.Status}
	}
	if len(list) == 1 {
		return r.deliver(w, list[0])
	}
	begun, branches := make([]bool, len(list)), make([]Key, len(list))
	for i, d := range list {
		branches[i] = key + "#to." + Key(d.Channel.Name)
	}
	errs := w.Each(key+"#to", branches, 0, func(i int, w World) error {
		begun[i] = true
		return r.deliver(w, list[i])
	}, func(int, error) bool { return false })
	for i, err := range errs {
		if !begun[i] && err != nil {
			list[i].unsent(w, cancelled(err), 0)
		}
	}
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// deliver sends a message to one channel. A run has one incident on a page, so
// a second message waits until the first one has begun it.
func (r *run) deliver(w World, d Delivery) error {
	name := d.Channel.Name
	if d.Channel.Kind != "statuspage" {
		_, err := Deliver(w, d)
		return err
	}
	incident, begun := r.incidents[name]
	for n := 1; begun && incident == "" && n <= int(sendingTakes/time.Second); n++ {
		if err := w.Sleep(d.Key+Key(fmt.Sprintf("#to.%s.w%d.delay", name, n)), time.Second); err != nil {
			d.unsent(w, cancelled(err), 0)
			return err
		}
		incident, begun = r.incidents[name]
	}
	d.Incident, r.incidents[name] = incident, incident
	incident, err := Deliver(w, d)
	if incident != "" {
		r.incidents[name] = incident
	} else if r.incidents[name] == "" {
		delete(r.incidents, name)
	}
	return err
}

// Deliver sends a message to its channel, and records what became of it. It gives
// the incident on a status page that the message belongs to.
func Deliver(w World, d Delivery) (string, error) {
	if off := d.off(); off != "" {
		d.unsent(w, &journal.Error{Kind: "off", Message: off}, 0)
		return "", nil
	}
	message := map[string]any{"text": d.Text, "title": d.Title, "status": d.Status, "step": d.Step, "key": string(d.Key), "run": d.Run, "runbook": d.Plan.Title}
	if d.Plan.Title == "" {
		message["runbook"] = d.Plan.Name
	}
	settings, err := d.Channel.Options.Render(lang.Env{"inputs": d.Inputs, "secrets": d.Secrets, "message": message})
	if err != nil {
		d.unsent(w, &journal.Error{Kind: "render", Message: "the channel cannot be computed: " + err.Error()}, 0)
		return "", nil
	}
	message["channel"], message["incident"] = d.Channel.Name, d.Incident
	res, err := w.Call(d.At(), Call{Step: d.Step, Role: string(plan.Message), Kind: d.Channel.Kind, Timeout: sendingTakes, Idempotent: true,
		Options: map[string]any{"channel": settings, "message": message}})
	tried, _ := res.Fields["attempts"].(int)
	switch {
	case err != nil && (res.Error == nil && res.Fields == nil || res.Error != nil && (res.Error.Kind == "canceled" || res.Error.Kind == "timeout")):
		d.unsent(w, cancelled(err), tried)
	case res.Error != nil:
		d.unsent(w, res.Error, tried)
	default:
		return d.sent(w, res.Fields, tried), err
	}
	return "", err
}

// At is the key of a message's way to its channel.
func (d *Delivery) At() Key { return d.Key + "#to." + Key(d.Channel.Name) }

// off says why a channel is off, or "".
func (d *Delivery) off() string {
	for _, name := range d.Channel.Secrets() {
		if s, ok := d.Secrets[name].(secret.Value); ok && !s.Present {
			return fmt.Sprintf("the channel is off: there is no secret %s", name)
		}
	}
	return ""
}

func (d *Delivery) sent(w World, fields map[string]any, tried int) string {
	incident, _ := fields["incident"].(string)
	w.Emit(d.At(), Event{Type: journal.MessageSent, Step: d.Step, Data: journal.MessageSentData{Channel: d.Channel.Name, Kind: d.Channel.Kind, Attempts: tried, Incident: incident}})
	return incident
}

func (d *Delivery) unsent(w World, why *journal.Error, tried int) {
	w.Emit(d.At(), Event{Type: journal.MessageUnsent, Step: d.Step, Data: journal.MessageUnsentData{Channel: d.Channel.Name, Kind: d.Channel.Kind, Attempts: tried, Error: *why}})
}

func cancelled(err error) *journal.Error {
	return &journal.Error{Kind: "canceled", Message: "it was not sent to the end: " + err.Error()}
}
