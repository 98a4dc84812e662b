package interp

import (
	"errors"
	"strings"
	"testing"

	"runbook/engine/journal"
)

const channels = `
secrets: {key: {env: KEY}}
inputs: {path: {type: string, default: a}}
channels:
  room: {webhook: {url: "https://chat.example.com/{{ .secrets.key }}", json: {n: "{{ (split \",\" .inputs.path)._1 }}"}}}
  hall: {webhook: {url: https://chat.example.com/x}}
  page: {statuspage: {page: p1, token: "{{ .secrets.key }}"}}
`

// why is what kept a message from a channel, or "".
func (d *told) why(k Key) string {
	u, ok := d.events["message.unsent "+string(k)].(journal.MessageUnsentData)
	if !ok {
		return ""
	}
	return u.Error.Kind
}

func (d *told) sent(k Key) bool {
	_, ok := d.events["message.sent "+string(k)]
	return ok
}

// incident is the one that a message was sent to.
func (d *told) incident(k Key) any {
	m, _ := d.made[k].Options["message"].(map[string]any)
	return m["incident"]
}

// TestWhatChannelsAreTold: a runbook without a title goes by its name, and what
// cannot be computed is not sent.
func TestWhatChannelsAreTold(t *testing.T) {
	d := play(t, script{text: channels + "steps: [{message: m, to: [room, hall], text: hi}]", inputs: map[string]any{"path": "a"}})
	if d.err != nil || d.Outcome.Outcome != "completed" || d.why("m#to.room") != "render" || !d.sent("m#to.hall") {
		t.Errorf("%v: %v", d.err, d.events)
	}
	if _, called := d.made["m#to.room"]; called {
		t.Error("what cannot be computed was sent")
	}
	c := d.made["m#to.hall"]
	m, _ := c.Options["message"].(map[string]any)
	if !c.Idempotent || m["runbook"] != "x" || m["text"] != "hi" {
		t.Errorf("sent was %v", c)
	}
	d = play(t, script{text: "title: X of all\n" + channels + "steps: [{message: m, to: hall, text: hi}]"})
	if m, _ := d.made["m#to.hall"].Options["message"].(map[string]any); m["runbook"] != "X of all" {
		t.Errorf("sent was %v", m)
	}
	u, _ := play(t, script{text: channels + "steps: [{message: m, to: [room, hall], text: hi}]"}).events["message.unsent m#to.room"].(journal.MessageUnsentData)
	if u.Attempts != 0 {
		t.Errorf("tried %d times", u.Attempts)
	}
}

// TestSendingIsBrokenOff: the run ends as it was ended, and the message is left.
func TestSendingIsBrokenOff(t *testing.T) {
	for _, c := range []struct {
		to, then string
		ends     map[Key]error
		calls    map[Key]string
		fields   map[Key]map[string]any
		unsent   Key
		word     string
	}{
		{to: "hall", ends: map[Key]error{"m#to.hall": ErrCancelled}, unsent: "m#to.hall", word: "canceled"},
		{to: "[hall, room]", ends: map[Key]error{"m#to.hall": ErrCancelled}, unsent: "m#to.hall", word: "canceled"},
		{to: "page", ends: map[Key]error{"m#to.page": ErrCancelled}, unsent: "m#to.page", word: "canceled"},
	} {
		d := play(t, script{text: channels + "steps: [{message: m, to: " + c.to + ", text: hi}, {message: behind, text: no}]", inputs: map[string]any{"path": "a,b"}, ends: c.ends, calls: c.calls, fields: c.fields})
		if d.err != nil || d.Outcome.Outcome != "cancelled" || d.why(c.unsent) != c.word || d.text("behind") != "" {
			t.Errorf("%s: %v %v: %v", c.to, d.err, d.Outcome, d.events)
		}
	}
	for call, message := range map[string]string{"=cut": "it was not sent to the end: ", "=slow": "it was not sent to the end: ", "=answered": "told to"} {
		d := play(t, script{text: channels + "steps: [{message: m, to: hall, text: hi}]", calls: map[Key]string{"m#to.hall": call}})
		u, _ := d.events["message.unsent m#to.hall"].(journal.MessageUnsentData)
		if d.Outcome.Outcome != "cancelled" || !strings.HasPrefix(u.Error.Message, message) {
			t.Errorf("%s: %v %v", call, d.Outcome, u)
		}
	}
	d := play(t, script{text: channels + "steps: [{message: m, to: [hall, room], text: hi}]", inputs: map[string]any{"path": "a,b"}, ends: map[Key]error{"m#to.hall": ErrCancelled}})
	if !d.sent("m#to.room") {
		t.Errorf("the other channel is not told: %v", d.events)
	}
	d = play(t, script{text: channels + "steps: [{message: m, to: [hall, room], text: hi}]", inputs: map[string]any{"path": "a,b"}, ends: map[Key]error{"m#to": ErrCancelled}})
	for _, k := range []Key{"m#to.hall", "m#to.room"} {
		u, _ := d.events["message.unsent "+string(k)].(journal.MessageUnsentData)
		if u.Error.Kind != "canceled" || u.Attempts != 0 {
			t.Errorf("what was never begun is %+v", u)
		}
	}
	d = play(t, script{text: channels + "steps: [{message: m, to: hall, text: hi}]", calls: map[Key]string{"m#to.hall": "=late"}})
	if !d.sent("m#to.hall") || d.why("m#to.hall") != "" {
		t.Errorf("what was sent at the last moment is %v", d.events)
	}
	d = play(t, script{text: channels + "steps: [{message: m, to: hall, text: hi}]", calls: map[Key]string{"m#to.hall": "!refused"}})
	if d.err != nil || d.Outcome.Outcome != "completed" || d.why("m#to.hall") != "refused" {
		t.Errorf("%v %v", d.Outcome, d.events)
	}
}

// TestIncidentsOnPages: the first message that a page takes begins an incident, and
// those behind it update it.
func TestIncidentsOnPages(t *testing.T) {
	steps := channels + "steps: [{message: a, to: page, text: a}, {message: b, to: page, text: b}, {message: c, to: page, text: c}]"
	begun := map[string]any{"incident": "i1"}
	d := play(t, script{text: steps, fields: map[Key]map[string]any{"a#to.page": begun}})
	if d.incident("a#to.page") != "" || d.incident("b#to.page") != "i1" || d.incident("c#to.page") != "i1" {
		t.Errorf("they went to %v, %v, %v", d.incident("a#to.page"), d.incident("b#to.page"), d.incident("c#to.page"))
	}
	d = play(t, script{text: steps, calls: map[Key]string{"a#to.page": "!refused"}, fields: map[Key]map[string]any{"b#to.page": begun}})
	if len(d.log) != 3 || d.incident("b#to.page") != "" || d.incident("c#to.page") != "i1" {
		t.Errorf("they went to %v, %v: %v", d.incident("b#to.page"), d.incident("c#to.page"), d.log)
	}
	if d.err != nil || errors.Is(d.err, ErrCancelled) {
		t.Error(d.err)
	}
}

// TestAMessageWaitsForTheIncident that another one, beside it, is about to begin:
// ten seconds, or until its scope ends.
func TestAMessageWaitsForTheIncident(t *testing.T) {
	s := script{text: channels + "steps: [{message: m, to: page, text: hi}]"}
	p, inputs := compile(t, s)
	wait := func(ends map[Key]error) (*told, error) {
		s.ends = ends
		out := &told{events: map[string]any{}, made: map[Key]Call{}}
		r, _ := begin(p, Options{Run: "r1", Inputs: inputs, Present: func(string) bool { return true }}, "")
		r.incidents["page"] = ""
		err := r.deliver(&world{script: &s, told: out, t: t}, Delivery{Key: "m", Step: "m", Plan: p, Channel: p.Channel("page"), Inputs: inputs, Secrets: r.secrets, Text: "hi"})
		return out, err
	}
	if d, err := wait(nil); err != nil || len(d.log) != 11 || !d.sent("m#to.page") {
		t.Errorf("%v: %v", err, d.log)
	}
	d, err := wait(map[Key]error{"m#to.page.w3.delay": ErrCancelled})
	u, _ := d.events["message.unsent m#to.page"].(journal.MessageUnsentData)
	if !errors.Is(err, ErrCancelled) || len(d.log) != 3 || u.Error.Kind != "canceled" || u.Attempts != 0 {
		t.Errorf("%v: %v %+v", err, d.log, u)
	}
}
