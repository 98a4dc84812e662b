package syntax

import "runbook/engine/spec"

// IncidentStates are what an incident on a status page may be.
var IncidentStates = []string{"investigating", "identified", "monitoring", "resolved"}

// ChannelShape is where messages can go: one key says which kind of place it is.
func ChannelShape() *spec.Shape {
	s := object(
		field("slack", object(required(field("webhook", text, "The incoming webhook's URL; a secret."))), "A Slack incoming webhook."),
		field("statuspage", object(required(example(field("page", text, "The page's id."), "kctbh9vrtdwd")), required(field("token", text, "The API key; a secret."))),
			"A page on Atlassian Statuspage. A run's first message to it begins an incident there, named by the message's title; those behind it update that incident."),
		field("webhook", object(
			required(example(field("url", text, "Where messages are posted to, http or https."), "https://chat.example.com/hooks/incidents")),
			field("headers", &spec.Shape{Form: spec.Map, Elem: text}, "Headers of the request."),
			field("json", &spec.Shape{Form: spec.Tree}, "What is posted; strings in it are templates, which read `message` besides: `text title status step key run runbook`. Without it, all of these."),
		), "Any server that takes JSON by POST."),
	)
	s.One = []string{"slack", "statuspage", "webhook"}
	return s
}

// incidentState is the key of a message to a status page.
func incidentState() spec.Field {
	return example(field("status", words(IncidentStates...), "What the incident is from then on, on the status pages that the message goes to. An incident begins as `investigating`, and stays what it is."), "resolved")
}
