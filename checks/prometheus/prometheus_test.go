package prometheus

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"runbook/engine/kind"
	"runbook/engine/kind/kindtest"
	"runbook/engine/source"
)

func TestDeclaration(t *testing.T) { kindtest.Declaration(t, New()) }

func use(options map[string]any) kind.Use {
	u := kind.Use{Check: true, Options: map[string]kind.Leaf{}}
	for k, v := range options {
		u.Options[k] = kind.Leaf{Value: v, Known: true}
	}
	return u
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		options map[string]any
		want    string // "" is sound
	}{
		{map[string]any{"query": "up"}, ""}, {map[string]any{"query": `up{job=$job}`, "params.job": "x"}, ""}, {map[string]any{"query": `up{pod=~$pods}`, "params.pods": nil, "params.pods[0]": "x", "params.pods[1]": "y"}, ""},
		{map[string]any{"query": `up{job=~"a$"}`}, ""}, {map[string]any{"query": `label_replace(up, "a", "$1", "b", "(.*)")`}, ""}, {map[string]any{"query": `up # costs $money`}, ""},
		{map[string]any{"query": `up{job="{{ .inputs.job }}"}`}, "no template"}, {map[string]any{"query": `up{job=$job}`}, "not among `params`"}, {map[string]any{"query": `up{job="$job"}`, "params.job": "x"}, "in quotes"},
		{map[string]any{"query": "up", "params.job": "x"}, "has no `$job`"}, {map[string]any{"query": "up > $"}, "without a name"}, {map[string]any{"query": "up", "url": "ftp://h"}, "http://"},
		{map[string]any{"query": "up", "url": "http://h/?a=b"}, "before the ?"}, {map[string]any{"query": "up", "end": "5m"}, "belongs to a range"}, {map[string]any{"query": "up", "time": "5m", "start": "1h"}, "Keep one"},
		{map[string]any{"query": "up", "start": "soon"}, "is no time"}, {map[string]any{"query": "up", "max_body": int64(0)}, "out of range"},
	} {
		var said []string
		check(use(c.options), func(d source.Diagnostic) { said = append(said, d.Summary+" "+d.Detail) })
		if all := strings.Join(said, "\n"); c.want == "" && all != "" || len(said) > 1 || !strings.Contains(all, c.want) {
			t.Errorf("%v: %q, want %q", c.options, said, c.want)
		}
	}
}

func TestEffects(t *testing.T) {
	if e := kind.Use.Asks(use(map[string]any{"url": "https://p.example.com:9090/x"})); len(e) != 1 || e[0].Host != "p.example.com:9090" {
		t.Errorf("%v", e)
	}
	for prefix, want := range map[string]string{"https://p.example.com/": "p.example.com", "https://p.exam": ""} {
		u := use(nil)
		u.Options["url"] = kind.Leaf{Prefix: prefix}
		if e := kind.Use.Asks(u); len(e) != 1 || e[0].Host != want {
			t.Errorf("%s: %v", prefix, e)
		}
	}
}

// TestFill: a value is what may stand at its place, and nothing else.
func TestFill(t *testing.T) {
	for _, c := range []struct {
		query string
		x     any
		want  string // "" is refused
	}{
		{`up{job=$x}`, "api", `up{job="api"}`}, {`up{job = $x, a!=$x}`, "a", `up{job = "a", a!="a"}`}, {`up{job=$x}`, `"} or vector(1) #`, `up{job="\"} or vector(1) #"}`}, {`up{job=$x}`, "a\n\\", `up{job="a\n\\"}`},
		{`up{job=$x}`, "ä☃", `up{job="ä☃"}`}, {`up{job=$x}`, "\x00", `up{job="\x00"}`}, {`up{job=$x}`, 5, `up{job="5"}`}, {`up{job=$x}`, "\xff", ""}, {`up{job=$x}`, nil, ""}, {`up{job=$x}`, []any{"a"}, ""},
		{`up{job=~$x}`, ".*", `up{job=~"\\.\\*"}`}, {`up{job=~ $x}`, []any{"a.b", "c|d"}, `up{job=~ "a\\.b|c\\|d"}`}, {`up{job!~$x}`, "a", `up{job!~"a"}`}, {`up{job=~$x}`, []any{}, ""}, {`up{job=~$x}`, []any{[]any{}}, ""},
		{`up > $x`, 5, `up > 5`}, {`up > $x`, -5, `up > (-5)`}, {`up > $x`, 0.25, `up > 0.25`}, {`up > $x`, json.Number("123456789012345678901"), `up > 1.2345678901234568e+20`}, {`up > $x`, "0.5", `up > 0.5`}, {`up > $x`, "1) or (1", ""}, {`up > $x`, true, ""},
		{`rate(up[$x])`, "5m", `rate(up[5m])`}, {`rate(up[$x:1m])`, 90 * time.Second, `rate(up[90000ms:1m])`}, {`up offset $x`, "1h", `up offset 1h`}, {`rate(up[$x])`, "5m]) or (x[5m", ""}, {`rate(up[$x])`, 5, ""}, {`rate(up[$x])`, time.Microsecond, ""}, {`rate(up[$x])`, "1.5h", `rate(up[5400000ms])`},
		{`up{a="$x", b='$x', c=` + "`$x`" + `, d="\"$x"} # $x`, "v", `up{a="$x", b='$x', c=` + "`$x`" + `, d="\"$x"} # $x`}, {"up # $x\n > $x", 1, "up # $x\n > 1"}, {`$x`, 1, `1`}, {`up > $xy`, 1, ""}, {`up > $`, 1, ""},
	} {
		got, err := fill(c.query, map[string]any{"x": c.x})
		if (err == nil) != (c.want != "") || got != c.want {
			t.Errorf("%s with %#v: %q, %v; want %q", c.query, c.x, got, err, c.want)
		}
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]string{"2026-01-02T03:04:05Z": "2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00": "2026-01-02T01:04:05Z", "1.5": "1970-01-01T00:00:01.5Z", "1h": "2026-01-02T02:04:05Z", "0": "1970-01-01T00:00:00Z",
		"-1h": "", "": "", "NaN": "", "1e300": "", "soon": ""} {
		got, err := moment(in, now)
		if (err == nil) != (want != "") || err == nil && got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v, %v; want %q", in, got, err, want)
		}
	}
}

// FuzzFill: whatever a value holds, the query around it stays what it was.
func FuzzFill(f *testing.F) {
	for _, s := range []string{"", `"`, `\`, "`", "'", "\n", "#", "$y", "a\"} or up{b=\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := fill(`up{job=$x} > $y`, map[string]any{"x": s, "y": 1})
		if err != nil {
			return
		}
		inner, begins := strings.CutPrefix(got, `up{job="`)
		inner, ends := strings.CutSuffix(inner, `"} > 1`)
		if !begins || !ends {
			t.Fatalf("%q became %q", s, got)
		}
		for i := 0; i < len(inner); i++ {
			switch inner[i] {
			case '\\':
				i++
			case '"', '\n':
				t.Fatalf("%q ends its quotes in %q", s, got)
			}
		}
	})
}
