package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

func webhook() exec.Kind {
	return newKind("webhook", "A server that takes JSON by POST.", sender{build: webhookRequest, read: webhookReply})
}

// webhookRequest carries a key that is the same however often a message is sent,
// so that the server can tell.
func webhookRequest(settings map[string]any, m message) (request, error) {
	to := types.Format(settings["url"])
	if to == "" {
		return request{}, errors.New("the channel has no address: its URL is empty")
	}
	rq := request{method: http.MethodPost, url: to, headers: map[string]string{"Idempotency-Key": m.id()}, body: m.fields()}
	if body, given := settings["json"]; given {
		rq.body = body
	}
	headers, _ := settings["headers"].(map[string]any)
	for name, v := range headers {
		if strings.EqualFold(name, "Idempotency-Key") {
			delete(rq.headers, "Idempotency-Key")
		}
		rq.headers[name] = types.Format(v)
	}
	return rq, nil
}

// id names a message to a channel among all of all runs.
func (m message) id() string {
	sum := sha256.Sum256([]byte(m.run + "\x00" + m.key + "\x00" + m.channel))
	return hex.EncodeToString(sum[:16])
}

func (m message) fields() map[string]any {
	return map[string]any{"text": m.text, "title": m.title, "status": m.status, "step": m.step, "key": m.key, "run": m.run, "runbook": m.runbook}
}

func webhookReply(status int, body []byte) (string, string) {
	if status/100 == 2 {
		return "", ""
	}
	return "", refusal(status, body)
}
