package channel

import (
	"errors"
	"net/http"
	"strings"

	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

// maxSlack is where Slack cuts a text, without a word about it.
const maxSlack = 40000

func slack() exec.Kind {
	return newKind("slack", "A Slack incoming webhook.", sender{build: slackRequest, read: slackReply})
}

// slackRequest: Slack has no key by which it would know a message again, so one
// whose answer was lost may stand there twice.
func slackRequest(settings map[string]any, m message) (request, error) {
	to := types.Format(settings["webhook"])
	if to == "" {
		return request{}, errors.New("the channel has no webhook: its URL is empty")
	}
	return request{method: http.MethodPost, url: to, body: map[string]any{"text": SlackText(m.text)}}, nil
}

// control are the characters in which Slack sees mentions, links and entities.
var control = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// SlackText is a text as Slack wants it: nothing in it mentions or links, since
// values in it may be written by strangers. `*bold*` and the like stay.
func SlackText(s string) string {
	return control.Replace(cut(s, maxSlack, func(r rune) int {
		switch r {
		case '&':
			return len("&amp;")
		case '<', '>':
			return len("&lt;")
		}
		return 1
	}))
}

// slackReply: a success is the word ok, and nothing else is.
func slackReply(status int, body []byte) (string, string) {
	if status == http.StatusOK && strings.TrimSpace(string(body)) == "ok" {
		return "", ""
	}
	return "", refusal(status, body)
}
