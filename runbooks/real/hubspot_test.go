package real

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"runbook/engine/channel"
)

// situation is what happens at night: what the servers answer, what people
// answer, and what must have come of it.
type situation struct {
	name string

	page, api, usage, health []reply // one after the other; the last one stays
	apiAt                    string  // nowhere, closed, tls: not where the emulation is
	noToken, newTokenWrong   bool
	secret                   string            // in AWS; OLD stands for the old token
	fails                    map[string]string // program-word-word -> why
	without                  string            // a program that is not there
	standIn                  bool              // jq is the stand-in, though the real one be installed

	args   []string
	resume [][]string // the arguments of the processes that go on
	paused int        // how many of the processes end paused

	code      int
	outcome   string
	decisions string // id=branch id=branch
	facts     map[string]string
	summary   []string // parts of the end's text
	says      []string // parts of what the program writes to standard error
	calls     string   // programs that change something, in order, by their words
	check     func(t *testing.T, e *emulation, r *result)
}

var (
	good    = reply{status: 200, headers: "headers-private-app.txt", body: `{"results":[{"id":"1"}]}`}
	oauth   = reply{status: 200, headers: "headers-oauth.txt", body: `{"results":[]}`}
	revoked = reply{status: 401, body: "401-invalid.json"}
	quiet   = reply{status: 200, body: `{"status":{"indicator":"none"},"incidents":[{"name":"Errors","status":"resolved","components":[{"name":"Public APIs"}]}]}`}
	outage  = reply{status: 200, body: `{"status":{"indicator":"minor"},"incidents":[{"name":"Errors","status":"monitoring","components":[{"name":"Public APIs"}]}]}`}
	page502 = reply{status: 502, body: "<html><h1>502 Bad Gateway</h1></html>"}
	used    = reply{status: 200, body: "account-usage.json"}
)

// newTokenGiven answers the questions on the way to a new token. FILE is the
// file that the person has put it into; BLANK another, with a blank behind it.
var newTokenGiven = []string{"--answer", "new_token.value=@FILE", "--approve", "store", "--approve", "restart"}

// replaced are the calls of a token that was replaced.
const replaced = "aws secretsmanager put-secret-value, kubectl rollout restart"

var tokenSituations = []situation{
	{name: "the token was revoked", api: []reply{revoked}, args: newTokenGiven, outcome: "resolved", decisions: "diagnosis=auth_failed auth=token_invalid",
		facts: map[string]string{"severity": "P1", "cause": "The access token is wrong or was revoked"}, calls: replaced, check: otherKeysSurvive},
	{name: "our own service recovers with the new token", api: []reply{revoked}, health: []reply{{status: 503}}, args: []string{"--answer", "new_token.value=@FILE", "--yes"},
		outcome: "resolved", decisions: "diagnosis=auth_failed auth=token_invalid", calls: replaced, check: otherKeysSurvive},
	{name: "the token was revoked, and jq is not installed here", api: []reply{revoked}, standIn: true, args: newTokenGiven, outcome: "resolved", calls: replaced, check: otherKeysSurvive},
	{name: "the secret is the plain token", api: []reply{revoked}, secret: "OLD", args: newTokenGiven, outcome: "resolved", calls: replaced, check: secretIs("NEW")},
	{name: "the secret has no token yet", api: []reply{revoked}, secret: `{}`, args: newTokenGiven, outcome: "resolved", calls: replaced, check: secretIs(`{"HUBSPOT_ACCESS_TOKEN":"NEW"}`)},
	{name: "the secret is something else", api: []reply{revoked}, secret: `["OLD"]`, args: newTokenGiven, code: 1, outcome: "failed", check: secretIs(`["OLD"]`)},
	{name: "the token has another key", api: []reply{revoked}, secret: `{"token":"OLD","HUBSPOT_ACCESS_TOKEN":"another"}`, args: append([]string{"--input", "secret_key=token"}, newTokenGiven...),
		outcome: "resolved", calls: replaced, check: secretIs(`{"HUBSPOT_ACCESS_TOKEN":"another","token":"NEW"}`)},
	{name: "the new token is wrong too", api: []reply{revoked}, newTokenWrong: true, args: newTokenGiven, outcome: "escalated", decisions: "auth=token_invalid",
		summary: []string{"401 INVALID_AUTHENTICATION", "not stored"}},
	{name: "the new token stands on the command line", api: []reply{revoked}, args: []string{"--answer", "new_token.value=pat-on-the-command-line"}, code: 2, says: []string{"must not stand on the command line"}},
	{name: "a blank was copied with the token", api: []reply{revoked}, args: []string{"--answer", "new_token.value=@BLANK"}, code: 2, says: []string{"--answer new_token.value", "^[!-~]{8,}$"}},
	{name: "nobody is there, and another process goes on", api: []reply{revoked}, paused: 2, resume: [][]string{{"--answer", "new_token.value=@FILE"}, {"--answer", "new_token.value=@FILE", "--yes"}},
		outcome: "resolved", calls: replaced, check: otherKeysSurvive},
	{name: "the restart is refused", api: []reply{revoked}, args: []string{"--answer", "new_token.value=@FILE", "--approve", "store", "--answer", "restart=refuse"},
		outcome: "escalated", calls: "aws secretsmanager put-secret-value", summary: []string{"is stored", "still has the old one"}},
	{name: "AWS refuses to store", api: []reply{revoked}, fails: map[string]string{"aws-secretsmanager-put-secret-value": "AccessDeniedException"}, args: newTokenGiven,
		code: 1, outcome: "failed", calls: "aws secretsmanager put-secret-value", check: secretIs(`{"HUBSPOT_ACCESS_TOKEN":"OLD","PORT":8443,"WEBHOOK_SECRET":"zwölf \"Zeichen\"\né"}`)},
	{name: "AWS does not show what is stored", api: []reply{revoked}, fails: map[string]string{"aws-secretsmanager-get-secret-value": "AccessDeniedException"}, args: newTokenGiven, code: 1, outcome: "failed"},
	{name: "the deployment does not come up", api: []reply{revoked}, fails: map[string]string{"kubectl-rollout-status": "exceeded its progress deadline"}, args: newTokenGiven, code: 1, outcome: "failed", calls: replaced},
	{name: "kubectl is not installed", api: []reply{revoked}, without: "kubectl", args: newTokenGiven, outcome: "escalated", summary: []string{"not from this machine", "kubectl"}, check: notAsked("new_token")},
	{name: "the deployment has another name", api: []reply{revoked}, args: append([]string{"--input", "deployment=another"}, newTokenGiven...), outcome: "escalated", summary: []string{"not from this machine", "another"}, check: notAsked("new_token")},
	{name: "the OAuth token ran out", api: []reply{{status: 401, body: "401-expired.json"}}, args: []string{"--answer", "refresh.value=@FILE"}, outcome: "resolved", decisions: "diagnosis=auth_failed auth=token_expired", facts: map[string]string{"severity": "P1"}},
	{name: "a scope is missing", api: []reply{{status: 403, body: "403-missing-scopes.json"}, good}, args: []string{"--answer", "add_scopes=done"}, outcome: "resolved",
		decisions: "diagnosis=auth_failed auth=missing_scopes", facts: map[string]string{"cause": "The token lacks scopes: contacts"}},
	{name: "we are banned", api: []reply{{status: 403, body: `{"status":"error","message":"banned","correlationId":"c-1"}`}}, outcome: "escalated", decisions: "diagnosis=auth_failed auth=access_denied", summary: []string{"403", "c-1"}},
	{name: "the token is not there", api: []reply{good}, noToken: true, code: 4, says: []string{"HUBSPOT_ACCESS_TOKEN"}},
	{name: "nobody there may make a token", api: []reply{revoked}, args: []string{"--answer", "new_token=could_not"}, outcome: "escalated", summary: []string{"administrator"}},
	{name: "the secret holds a number that jq would change", api: []reply{revoked}, secret: `{"HUBSPOT_ACCESS_TOKEN":"OLD","ID":123456789012345678}`, args: newTokenGiven, code: 1, outcome: "failed"},
	{name: "the secret is binary", api: []reply{revoked}, secret: "None", args: newTokenGiven, code: 1, outcome: "failed", check: secretIs("None")},
}

var limitSituations = []situation{
	{name: "the daily quota is used up", api: []reply{{status: 429, body: "429-daily.json"}}, usage: []reply{used}, args: []string{"--answer", "pause_jobs=done", "--answer", "until_reset=refuse"}, outcome: "mitigated",
		decisions: "diagnosis=rate_limited limit=daily_limit reset=known", summary: []string{"1 of 500000", "2020-04-10T04:00:00Z"}, facts: map[string]string{"severity": "P2"}},
	{name: "the daily quota is used up, for the usage too", api: []reply{{status: 429, body: "429-daily.json"}}, usage: []reply{{status: 429, body: "429-daily.json"}}, args: []string{"--answer", "pause_jobs=done", "--answer", "until_reset=refuse"},
		outcome: "mitigated", decisions: "limit=daily_limit reset=unknown", summary: []string{"HubSpot did not say"}},
	{name: "a daily 429 without a policy", api: []reply{{status: 429, headers: "X-HubSpot-RateLimit-Daily-Remaining: 0", body: "<html>"}}, usage: []reply{used}, args: []string{"--answer", "pause_jobs=done", "--answer", "until_reset=refuse"}, outcome: "mitigated", decisions: "limit=daily_limit"},
	{name: "we call too fast", api: []reply{{status: 429, headers: "headers-private-app.txt", body: "429-ten-secondly.json"}, good}, args: []string{"--answer", "throttle=done"}, outcome: "mitigated",
		decisions: "diagnosis=rate_limited limit=burst_limit", facts: map[string]string{"cause": "Our own app calls more often than HubSpot allows at once (100 calls in 10000 ms)"}},
	{name: "we search too fast", api: []reply{{status: 429, headers: "headers-search.txt", body: "429-secondly-search.json"}, good}, args: []string{"--answer", "throttle=done"}, outcome: "mitigated",
		decisions: "limit=burst_limit", facts: map[string]string{"cause": "Our own app searches more often than HubSpot allows in a second"}},
	{name: "a 429 that says nothing", api: []reply{{status: 429}, good}, args: []string{"--answer", "throttle=done"}, outcome: "mitigated", decisions: "limit=burst_limit",
		facts: map[string]string{"cause": "Our own app calls more often than HubSpot allows at once"}},
}

var platformSituations = []situation{
	{name: "HubSpot has an outage that ends", page: []reply{outage, outage, quiet}, api: []reply{page502, good}, args: []string{"--yes", "--answer", "degraded_mode>undo=approve"}, outcome: "resolved",
		decisions: "diagnosis=platform_outage", facts: map[string]string{"severity": "P2"}, calls: "kubectl set env, kubectl set env", check: degraded(false)},
	{name: "the degraded mode is left on", page: []reply{outage, quiet}, api: []reply{good}, args: []string{"--yes", "--answer", "degraded_mode>undo=refuse"}, outcome: "resolved", calls: "kubectl set env", check: degraded(true)},
	{name: "nobody is there to switch the degraded mode off", page: []reply{outage, quiet}, api: []reply{good}, args: []string{"--yes"}, paused: 1, resume: [][]string{{"--answer", "degraded_mode>undo=approve"}},
		outcome: "resolved", calls: "kubectl set env, kubectl set env", check: degraded(false)},
	{name: "an outage, and no kubectl", page: []reply{outage, quiet}, api: []reply{good}, without: "kubectl", args: []string{"--yes"}, outcome: "resolved", decisions: "diagnosis=platform_outage"},
	{name: "the incident is another component's", page: []reply{{status: 200, body: "statuspage-summary.json"}}, api: []reply{good}, outcome: "no_action", decisions: "diagnosis=healthy", facts: map[string]string{"severity": "P4"}},
	{name: "the incident is one of ours", page: []reply{{status: 200, body: "statuspage-summary.json"}}, api: []reply{good}, args: []string{"--input", "components=market,forms", "--answer", "degraded_mode=refuse", "--answer", "patience=refuse"},
		outcome: "escalated", decisions: "diagnosis=platform_outage", facts: map[string]string{"cause": "HubSpot has an outage (minor): Market data is delayed"}},
	{name: "the status page is HTML", page: []reply{{status: 200, body: "<!doctype html>"}}, api: []reply{good}, outcome: "no_action", decisions: "diagnosis=healthy", summary: []string{"could not be read"}},
	{name: "the status page is broken", page: []reply{{status: 500, body: `{"incidents":5,"status":[]}`}}, api: []reply{revoked}, args: []string{"--answer", "new_token=could_not"}, outcome: "escalated", decisions: "diagnosis=auth_failed"},
	{name: "the name is not resolved", apiAt: "nowhere", args: []string{"--answer", "find_the_break=could_not"}, outcome: "escalated", decisions: "diagnosis=unreachable reach=dns lasting=lasts", facts: map[string]string{"severity": "P1"}, summary: []string{"(DNS)"}},
	{name: "the connection is refused", apiAt: "closed", args: []string{"--answer", "find_the_break=could_not"}, outcome: "escalated", decisions: "diagnosis=unreachable reach=connect", facts: map[string]string{"severity": "P1"}},
	{name: "TLS fails", apiAt: "tls", args: []string{"--answer", "find_the_break=could_not"}, outcome: "escalated", decisions: "diagnosis=unreachable reach=tls", summary: []string{"TLS", "does not speak TLS"}},
	{name: "nothing comes back", api: []reply{{hang: true}}, args: []string{"--answer", "find_the_break=could_not"}, outcome: "escalated", decisions: "diagnosis=unreachable reach=timeout", facts: map[string]string{"severity": "P1"}},
	{name: "nothing comes back once", api: []reply{{hang: true}, good}, outcome: "mitigated", decisions: "reach=timeout lasting=passing", facts: map[string]string{"severity": "P2"}},
	{name: "the account is moved", api: []reply{{status: 477, headers: "Retry-After: 3600", body: `{}`}}, outcome: "mitigated", decisions: "diagnosis=migrating", summary: []string{"after 3600 seconds"}},
	{name: "the account is moved, nobody knows how long", api: []reply{{status: 477}}, outcome: "mitigated", decisions: "diagnosis=migrating", summary: []string{"24 hours"}},
	{name: "a gateway fails for a moment", api: []reply{page502, page502, good}, outcome: "resolved", decisions: "diagnosis=server_error server=retry_later", summary: []string{"passed by itself"}},
	{name: "the edge does not reach HubSpot", api: []reply{{status: 525, body: "<html>"}}, outcome: "escalated", decisions: "diagnosis=server_error server=contact_support", facts: map[string]string{"severity": "P1"}},
	{name: "a record is locked", api: []reply{{status: 423, body: `{}`}, good}, outcome: "resolved", decisions: "server=locked", facts: map[string]string{"severity": "P3"}},
}

var ownSituations = []situation{
	{name: "webhooks do not arrive: our clock", api: []reply{good}, args: []string{"--input", "symptom=webhooks", "--answer", "look.finding=clock", "--answer", "webhook_arrives=done"}, outcome: "resolved",
		decisions: "diagnosis=webhook_failure webhook=clock", facts: map[string]string{"severity": "P2", "cause": "We refused good webhooks because our clock is wrong"}},
	{name: "webhooks do not arrive, but the token is wrong", api: []reply{revoked}, args: []string{"--input", "symptom=webhooks", "--answer", "new_token=could_not"}, outcome: "escalated", decisions: "diagnosis=auth_failed"},
	{name: "HubSpot refuses what we send", api: []reply{{status: 400, body: "400-validation.json"}, good}, args: []string{"--answer", "look_at_ourselves=done"}, outcome: "resolved", decisions: "diagnosis=application_bug",
		facts: map[string]string{"cause": "HubSpot refuses our request with 400 VALIDATION_ERROR"}, check: evidence("a43683b0-5717-4ceb-80b4-104d02915d8c")},
	{name: "our own service is down", api: []reply{good}, health: []reply{{status: 500}}, args: []string{"--answer", "look_at_ourselves=could_not"}, outcome: "escalated", decisions: "diagnosis=application_bug", summary: []string{"answers 500, while HubSpot is well"}},
	{name: "the URL is too long", api: []reply{{status: 414, body: "<html>"}}, outcome: "escalated", decisions: "diagnosis=uri_too_long"},
	{name: "a batch was done in part", api: []reply{{status: 207, body: `{"numErrors":1}`}}, outcome: "mitigated", decisions: "diagnosis=partial_batch"},
	{name: "a good day", api: []reply{good}, health: []reply{{status: 200}}, outcome: "no_action", decisions: "diagnosis=healthy", summary: []string{"249995 of 250000", "99 of 100 in 10000 ms"}, facts: map[string]string{"severity": "P4"}},
	{name: "a good day of an OAuth app", api: []reply{oauth}, outcome: "no_action", decisions: "diagnosis=healthy", summary: []string{"unknown of unknown", "99 of 100"}, facts: map[string]string{"severity": "P4"}},
	{name: "a good day without a word on limits", api: []reply{{status: 200, headers: "headers-search.txt", body: `{"results":[]}`}}, outcome: "no_action", summary: []string{"unknown of unknown"}, facts: map[string]string{"severity": "P4"}},
}

// TestHubSpot runs the seed runbook through the real binary, in every situation,
// against emulated servers and programs. Much of it is waiting, so the
// situations run side by side, more than -parallel would have it.
func TestHubSpot(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the emulated programs are shell scripts")
	}
	shared, err := build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the emulation sees leaks", func(t *testing.T) { seesLeaks(t, shared) })
	table := slices.Concat(platformSituations, tokenSituations, limitSituations, ownSituations) // those that wait longest first
	played := make([]chan func(*testing.T), len(table))
	room := make(chan struct{}, 12)
	for i := range table {
		played[i] = make(chan func(*testing.T), 1)
		go func() {
			room <- struct{}{}
			defer func() { <-room }()
			played[i] <- play(shared, &table[i])
		}()
	}
	for i := range table {
		t.Run(table[i].name, func(t *testing.T) { (<-played[i])(t) })
	}
}

// play runs a situation, and gives the test of what came of it.
func play(shared *tools, s *situation) func(*testing.T) {
	if s.page == nil {
		s.page = []reply{quiet}
	}
	e, err := open(shared, s)
	if err != nil {
		return func(t *testing.T) { t.Fatal(err) }
	}
	var results []*result
	args := append([]string{"run", "hubspot"}, e.inputs()...)
	args = append(args, s.args...)
	for i := 0; ; i++ {
		var before *result
		if i > 0 {
			before = results[i-1]
			args = append([]string{"resume", "last"}, s.resume[i-1]...)
		}
		for j := range args {
			args[j] = strings.NewReplacer("@FILE", "@"+e.path("new-token"), "@BLANK", "@"+e.path("blank-token")).Replace(args[j])
		}
		r, err := e.run(before, args...)
		if err != nil {
			return func(t *testing.T) { defer e.close(); t.Fatal(err) }
		}
		if results = append(results, r); i == len(s.resume) {
			break
		}
	}
	return func(t *testing.T) { defer e.close(); s.hold(t, e, results) }
}

// hold holds what came of a situation against what must have.
func (s *situation) hold(t *testing.T, e *emulation, results []*result) {
	for i, r := range results {
		if i < s.paused && r.code != 5 {
			t.Errorf("process %d ended with %d, not paused\n%s", i+1, r.code, r.err)
		}
		for _, leak := range e.leaks(r) {
			t.Error(leak)
		}
	}
	r := results[len(results)-1]
	if r.code != s.code {
		t.Errorf("exit code %d, not %d\n%s", r.code, s.code, r.err)
	}
	for _, part := range s.says {
		if !strings.Contains(r.err, part) {
			t.Errorf("it does not say %q, but %q", part, r.err)
		}
	}
	s.holdState(t, r)
	var changes []string
	for _, words := range []string{"aws secretsmanager put-secret-value", "kubectl rollout restart", "kubectl set env"} {
		for range e.calls(words) {
			changes = append(changes, words)
		}
	}
	if got := strings.Join(changes, ", "); got != s.calls {
		t.Errorf("what was changed: %q, not %q", got, s.calls)
	}
	s.holdMessages(t, e, r)
	if s.check != nil {
		s.check(t, e, r)
	}
	if t.Failed() {
		t.Logf("%s", r.err)
	}
}

func (s *situation) holdState(t *testing.T, r *result) {
	outcome, summary := "", ""
	if f := r.state.Finished; f != nil {
		outcome, summary = f.Outcome, f.Summary
	}
	if outcome != s.outcome {
		t.Errorf("outcome %q, not %q", outcome, s.outcome)
	}
	for _, part := range s.summary {
		if !strings.Contains(summary, part) {
			t.Errorf("the end does not say %q, but %q", part, summary)
		}
	}
	made := map[string]string{}
	for _, st := range r.state.Steps {
		if st.Decision != nil {
			made[st.ID] = st.Decision.Branch
			if st.Decision.Uncertain {
				t.Errorf("%s is uncertain: %v", st.ID, st.Decision.Because)
			}
		}
	}
	for _, want := range strings.Fields(s.decisions) {
		if id, branch, _ := strings.Cut(want, "="); made[id] != branch {
			t.Errorf("decision %s: %q, not %q", id, made[id], branch)
		}
	}
	for name, want := range s.facts {
		if got := fmt.Sprint(r.state.Facts[name]); got != want {
			t.Errorf("fact %s: %q, not %q", name, got, want)
		}
	}
}

// holdMessages: every text could be computed, and what reached Slack is what the
// journal has for that channel.
func (s *situation) holdMessages(t *testing.T, e *emulation, r *result) {
	var texts []string
	for _, st := range r.state.Steps {
		if st.Done != nil && st.Done.Role == "message" && st.Done.Verdict == "error" {
			t.Errorf("%s: %s", st.Key, st.Done.Reason)
		}
		if st.Message != nil && slices.Contains(st.Message.To, "incident") {
			texts = append(texts, channel.SlackText(st.Message.Text))
		}
	}
	told := s.outcome != "" && s.outcome != "no_action"
	if told && decided(s, "passing") == "" && decided(s, "retry_later") == "" && decided(s, "locked") == "" && len(texts) == 0 {
		t.Error("nobody was told")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.posts, texts) {
		t.Errorf("Slack was told %q, and the journal has %q", e.posts, texts)
	}
}

// decided finds a branch among the decisions that a situation expects.
func decided(s *situation, branch string) string {
	for _, d := range strings.Fields(s.decisions) {
		if strings.HasSuffix(d, "="+branch) {
			return d
		}
	}
	return ""
}

// otherKeysSurvive: the secret has the new token, and all else that it had.
func otherKeysSurvive(t *testing.T, e *emulation, r *result) {
	secretIs(`{"HUBSPOT_ACCESS_TOKEN":"NEW","PORT":8443,"WEBHOOK_SECRET":"zwölf \"Zeichen\"\né"}`)(t, e, r)
	asks("store", "arn:aws:secretsmanager:eu-west-1:1:secret:hubspot/production")(t, e, r)
	asks("restart", "hubspot-integration in the namespace production of the cluster production-eu,")(t, e, r)
}

// asks: whoever approves a step is told what of which account and cluster.
func asks(id, part string) func(*testing.T, *emulation, *result) {
	return func(t *testing.T, _ *emulation, r *result) {
		for _, st := range r.state.Steps {
			for _, q := range st.Questions {
				if st.ID == id && strings.Contains(q.Asked.Text, part) {
					return
				}
			}
		}
		t.Errorf("%s is not asked about %q", id, part)
	}
}

// secretIs holds the secret in AWS against a text, in which OLD and NEW stand for
// the tokens. JSON is compared as JSON.
func secretIs(want string) func(*testing.T, *emulation, *result) {
	return func(t *testing.T, e *emulation, _ *result) {
		want := strings.NewReplacer("OLD", e.oldToken, "NEW", e.newToken).Replace(want)
		if got := e.file("secret"); canonical(got) != canonical(want) {
			t.Errorf("the secret is %q, not %q", got, want)
		}
	}
}

func canonical(s string) string {
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		return s
	}
	out, err := json.Marshal(v)
	if err != nil {
		return s
	}
	return string(out)
}

func notAsked(id string) func(*testing.T, *emulation, *result) {
	return func(t *testing.T, _ *emulation, r *result) {
		for _, st := range r.state.Steps {
			if st.ID == id {
				t.Errorf("%s was asked for", id)
			}
		}
	}
}

func degraded(want bool) func(*testing.T, *emulation, *result) {
	return func(t *testing.T, e *emulation, r *result) {
		if owed := len(r.state.Undo); owed > 0 {
			t.Errorf("%d undo steps are owed", owed)
		}
		entries := e.calls("kubectl set env")
		on := len(entries) > 0 && strings.HasSuffix(entries[len(entries)-1], "=on")
		if on != want {
			t.Errorf("degraded mode: %v, not %v; %q", on, want, entries)
		}
	}
}

func evidence(id string) func(*testing.T, *emulation, *result) {
	return func(t *testing.T, _ *emulation, r *result) {
		for _, st := range r.state.Steps {
			if st.ID == "api" && st.Done != nil && st.Done.Evidence["correlation_id"] == id {
				return
			}
		}
		t.Errorf("the correlation id %s is not kept as evidence", id)
	}
}
