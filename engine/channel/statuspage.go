package channel

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"runbook/engine/kind/exec"
	"runbook/engine/types"
)

// statuspageAPI is where all pages are written to.
const statuspageAPI = "https://api.statuspage.io/v1/pages/"

// What is cut before Statuspage refuses it.
const maxIncidentName, maxIncidentBody = 255, 25000

func statuspage() exec.Kind {
	return newKind("statuspage", "An incident on a page of Atlassian Statuspage.", sender{build: statuspageRequest, read: statuspageReply})
}

// statuspageRequest begins an incident, or updates the one that is there. There
// is no key by which Statuspage would know a request again, so one that may have
// been taken is not made twice.
func statuspageRequest(settings map[string]any, m message) (request, error) {
	page, token := types.Format(settings["page"]), types.Format(settings["token"])
	if page == "" || token == "" {
		return request{}, errors.New("the channel has no page or no token: it is empty")
	}
	incident := map[string]any{"body": cut(m.text, maxIncidentBody, one)}
	if m.status != "" {
		incident["status"] = m.status
	}
	rq := request{method: http.MethodPatch, url: statuspageAPI + url.PathEscape(page) + "/incidents", headers: map[string]string{"Authorization": "OAuth " + token}, once: true}
	if m.incident != "" {
		rq.url += "/" + url.PathEscape(m.incident)
	} else {
		rq.method = http.MethodPost
		name := m.title
		if name == "" {
			name = m.runbook
		}
		incident["name"] = short255(name)
		if m.status == "" {
			incident["status"] = "investigating"
		}
	}
	rq.body = map[string]any{"incident": incident}
	return rq, nil
}

func short255(name string) string {
	if r := []rune(name); len(r) > maxIncidentName {
		return string(r[:maxIncidentName-1]) + "…"
	}
	return name
}

// statuspageReply: a success names the incident.
func statuspageReply(status int, body []byte) (string, string) {
	var got struct {
		ID string `json:"id"`
	}
	if status/100 == 2 && json.Unmarshal(body, &got) == nil && got.ID != "" {
		return got.ID, ""
	}
	return "", refusal(status, body)
}
