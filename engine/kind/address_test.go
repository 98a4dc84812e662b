package kind_test

import (
	"strings"
	"testing"

	"runbook/engine/kind"
	"runbook/engine/source"
)

func use(options ...any) kind.Use {
	u := kind.Use{Options: map[string]kind.Leaf{}}
	for i := 0; i < len(options); i += 2 {
		if l, ok := options[i+1].(kind.Leaf); ok {
			u.Options[options[i].(string)] = l
			continue
		}
		u.Options[options[i].(string)] = kind.Leaf{Value: options[i+1], Known: true}
	}
	return u
}

func TestEffects(t *testing.T) {
	begins := func(s string) kind.Leaf { return kind.Leaf{Prefix: s} }
	for _, c := range []struct {
		got  []kind.Effect
		want string
	}{
		{use("host", "a.b", "port", "80").Dials(0), "a.b:80"}, {use("host", "a.b").Dials(443), "a.b:443"}, {use("host", "::1", "port", "80").Dials(0), "[::1]:80"},
		{use("host", "a.b", "port", begins("8")).Dials(443), "a.b:0"}, {use("host", "a.b", "port", "x").Dials(443), "a.b:0"}, {use("host", begins("a.")).Dials(443), ""}, {use("host", "").Dials(443), ""},
		{use("url", "https://a.b/c").Asks(), "a.b"}, {use("url", "https://a.b:8443").Asks(), "a.b:8443"}, {use("url", begins("https://a.b/")).Asks(), "a.b"}, {use("url", begins("https://a.")).Asks(), ""},
	} {
		if len(c.got) != 1 || c.got[0].Host != c.want {
			t.Errorf("%v, want %s", c.got, c.want)
		}
	}
	if e := use("url", "nonsense").Asks(); len(e) != 0 {
		t.Errorf("%v", e)
	}
}

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		use  kind.Use
		says string
	}{
		{use("host", "a.b", "port", "80", "url", "https://a.b"), ""}, {use("host", kind.Leaf{Prefix: "a b"}, "url", kind.Leaf{Prefix: "https://"}), ""},
		{use("port", "0"), "no port"}, {use("port", "65536"), "no port"}, {use("host", "a/b"), "name or an address"}, {use("host", ""), "name or an address"},
		{use("url", "ftp://a.b"), "must begin with http"}, {use("url", "https://"), "no host"}, {use("url", kind.Leaf{Prefix: "ftp://"}), "scheme is ftp"},
	} {
		var said []string
		add := func(_ source.Span, summary, detail string) { said = append(said, summary+": "+detail) }
		c.use.CheckDial(add)
		if _, ok := c.use.Options["url"]; ok {
			c.use.CheckURL("https://x.example", add)
		}
		if (c.says == "") != (len(said) == 0) || len(said) > 0 && !strings.Contains(said[0], c.says) {
			t.Errorf("%v: %v", c.use.Options, said)
		}
	}
}

func TestErrorsDoNotHoldTheURL(t *testing.T) {
	for _, s := range []string{"https://user:hunter2@a.b/%zz", "hunter2://a.b", "https://:hunter2@/"} {
		if _, err := kind.ParseURL(s); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", s, err)
		}
	}
}
