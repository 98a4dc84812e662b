package channel

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"runbook/engine/guard"
	"runbook/engine/kind/exec"
	"runbook/engine/permit"
)

// TestSlackTextIsBounded: whatever is written, Slack gets at most what it keeps,
// with no control character and no half of an entity.
func TestSlackTextIsBounded(t *testing.T) {
	for _, s := range []string{"", "x", strings.Repeat("&", 40000), strings.Repeat("<é>", 20000), strings.Repeat("日", 40000), strings.Repeat("日", 40001), strings.Repeat("a", 39999) + "&"} {
		got := SlackText(s)
		n := utf8.RuneCountInString(got)
		if n > maxSlack || strings.ContainsAny(got, "<>") || strings.Contains(strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(got), "&") {
			t.Errorf("%d characters of %d", n, utf8.RuneCountInString(s))
		}
		if whole := control.Replace(s); utf8.RuneCountInString(whole) <= maxSlack && got != whole {
			t.Errorf("%d characters were cut", n)
		} else if got != whole && !strings.Contains(got, "cut here") {
			t.Error("it is cut without a word")
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for s, want := range map[string]time.Duration{"5": 5 * time.Second, " 0 ": 0, "": -1, "-1": -1, "soon": -1, "99999999999": -1, "Wed, 21 Oct 2015 07:28:00 GMT": 0} {
		got, ok := retryAfter(s)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %s, %v", s, got, ok)
		}
	}
}

// TestNothingOfTheURLIsShown: a server that repeats parts of what it was asked
// gives no secret away.
func TestNothingOfTheURLIsShown(t *testing.T) {
	u, _ := url.Parse("https://user:password12@chat.example/services/T000/B0000000/secret%20part?token=query-secret")
	for _, s := range []string{u.String(), u.RequestURI(), u.Path, "POST " + u.EscapedPath(), "no hook B0000000 and secret part", "token=query-secret", "password12"} {
		got := redact("it was "+s+".", u)
		for _, part := range []string{"B0000000", "secret part", "secret%20part", "query-secret", "password12"} {
			if strings.Contains(got, part) {
				t.Errorf("%q: %q", s, got)
			}
		}
	}
}

// TestStatuspageIsCut: what Statuspage would refuse is cut before.
func TestStatuspageIsCut(t *testing.T) {
	rq, err := statuspageRequest(map[string]any{"page": "../p", "token": "t"}, message{text: strings.Repeat("x", 30000), title: strings.Repeat("é", 300)})
	if err != nil {
		t.Fatal(err)
	}
	in := rq.body.(map[string]any)["incident"].(map[string]any)
	if n := utf8.RuneCountInString(in["name"].(string)); n != maxIncidentName {
		t.Errorf("the name has %d characters", n)
	}
	if n := len(in["body"].(string)); n > maxIncidentBody || !strings.Contains(in["body"].(string), "cut here") {
		t.Errorf("the body has %d", n)
	}
	if strings.Contains(rq.url, "/../") {
		t.Error(rq.url)
	}
	if _, err := statuspageRequest(map[string]any{"page": "p", "token": ""}, message{}); err == nil {
		t.Error("no token is accepted")
	}
}

// TestTimeIsKept: a message never takes longer than it is given, whatever the
// server wants.
func TestTimeIsKept(t *testing.T) {
	var n atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(429)
	}))
	defer server.Close()
	g := guard.New(permit.Set{}, guard.Options{})
	defer g.Close()
	ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer stop()
	began := time.Now()
	res := webhook().Executor.Execute(ctx, exec.Request{Guard: g, Options: map[string]any{"channel": map[string]any{"url": server.URL + "/x"}, "message": map[string]any{"text": "t"}}})
	if res.Error == nil || res.Error.Kind != "refused" || n.Load() != 2 || res.Fields["attempts"] != 2 || time.Since(began) > 1500*time.Millisecond {
		t.Errorf("%+v, %v, %d requests in %s", res.Error, res.Fields, n.Load(), time.Since(began))
	}
}

// TestHeadersHoldOneLine: a value with a line break makes no second header.
func TestHeadersHoldOneLine(t *testing.T) {
	g := guard.New(permit.Set{}, guard.Options{})
	defer g.Close()
	res := webhook().Executor.Execute(t.Context(), exec.Request{Guard: g, Options: map[string]any{
		"channel": map[string]any{"url": "http://127.0.0.1:1/", "headers": map[string]any{"X-A": "a\r\nX-B: b"}}, "message": map[string]any{}}})
	if res.Error == nil || !strings.Contains(res.Error.Message, "line break") {
		t.Errorf("%+v", res.Error)
	}
}
