package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// TestPartsOfASecret: what gives a secret away by itself is masked by itself.
func TestPartsOfASecret(t *testing.T) {
	long := strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC/", 4)
	m := NewMasker()
	for _, v := range []string{
		"-----BEGIN KEY-----\n" + long + "\r\nkK2aX9wQ==\n-----END KEY-----",
		"https://ops:hunter2-hunter2@hooks.example.com/services/T00/B00/XXXXXXXXXXXXXXXXXXXX?key=0123456789abcdefg",
		"Bearer pat-na1-0123456789", "  padded-secret-1 \n", `{"id": "x", "key": "-----BEGIN KEY-----\nc2VjcmV0LWxpbmU\n"}`,
	} {
		if err := m.Add("tok", v); err != nil {
			t.Fatal(err)
		}
	}
	for in, want := range map[string]string{
		"line: " + long:                                   "line: ‹***›",
		"the last kK2aX9wQ== of it":                       "the last ‹***› of it",
		"-----BEGIN KEY-----":                             "-----BEGIN KEY-----",
		"GET /services/T00/B00/XXXXXXXXXXXXXXXXXXXX: 404": "GET ‹***›: 404",
		"channel XXXXXXXXXXXXXXXXXXXX is gone":            "channel ‹***› is gone",
		"password hunter2-hunter2":                        "password ‹***›",
		"key 0123456789abcdefg":                           "key ‹***›",
		"hooks.example.com":                               "hooks.example.com",
		"token=pat-na1-0123456789":                        "token=‹***›",
		"<padded-secret-1>":                               "<‹***›>",
		"c2VjcmV0LWxpbmU":                                 "‹***›",
	} {
		if got := m.MaskString(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestLinesOfBase64: programs break the lines of what is long.
func TestLinesOfBase64(t *testing.T) {
	secret := strings.Repeat("0123456789-abcdefghijk.", 9)
	m := known(t, secret)
	all := base64.StdEncoding.EncodeToString([]byte(secret + "\n"))
	for _, width := range []int{64, 76} {
		var lines []string
		for rest := all; rest != ""; {
			n := min(width, len(rest))
			lines, rest = append(lines, rest[:n]), rest[n:]
		}
		got := m.MaskString(strings.Join(lines, "\n"))
		if want := strings.Repeat("‹***›\n", len(lines)-1) + "‹***›"; !strings.HasPrefix(got, want) || len(got) > len(want)+4 {
			t.Errorf("width %d: %q, want %q and the last letters", width, got, want)
		}
	}
}

// TestOneInAnother: of secrets that begin alike the longer one is named, and of
// those that overlap nothing is left.
func TestOneInAnother(t *testing.T) {
	m := NewMasker()
	for name, v := range map[string]string{"short": "prefix-0001", "long": "prefix-0001-and-more", "over": "more-and-beyond"} {
		if err := m.Add(name, v); err != nil {
			t.Fatal(err)
		}
	}
	for in, want := range map[string]string{"prefix-0001-and-more": `{"$masked":"long"}`, "prefix-0001": `{"$masked":"short"}`, "prefix-0001-and-more-and-beyond": `"‹***›"`, "prefix-0001-": `"‹***›-"`} {
		if got, err := json.Marshal(m.MaskValue(in)); err != nil || string(got) != want {
			t.Errorf("%s became %s %v, want %s", in, got, err, want)
		}
	}
}

// TestMaskCut: the beginning of a secret at the end of what was cut off goes with
// it, in every form; a few letters stay.
func TestMaskCut(t *testing.T) {
	m := known(t, "pat-na1-0123456789abcdef")
	for in, want := range map[string]string{
		"x pat-na1-0123": "x ‹***›", "x pat-": "x ‹***›", "x pat": "x pat", "x cGF0LW5hMS0wMTIz": "x ‹***›", "x pat-na1-0123456789abcdef": "x ‹***›", "nothing": "nothing", "": "",
	} {
		if got := m.MaskCut(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestNumbers: a secret of digits is one as a number, too, for whoever hands it on.
func TestNumbers(t *testing.T) {
	m := known(t, "1234567890")
	got := m.Take(map[string]any{"whole": 1234567890, "exact": json.Number("1234567890"), "part": json.Number("912345678901"), "other": 42, "float": 0.5})
	if b, err := json.Marshal(got); err != nil || string(b) != `{"exact":{"$masked":"tok"},"float":0.5,"other":42,"part":"9‹***›1","whole":{"$masked":"tok"}}` {
		t.Errorf("got %s %v", b, err)
	}
	if got, ok := got.(map[string]any)["whole"].(Value); !ok || got.Name != "tok" {
		t.Errorf("got %#v", got)
	}
}

// TestWhatEverybodyCanRead is refused, with its place and without the value.
func TestWhatEverybodyCanRead(t *testing.T) {
	m := NewMasker()
	m.Plain("pay.yaml", "name: pay\ntitle: not-a-secret-1\n")
	m.Reserve("failed_count")
	for value, says := range map[string]string{"not-a-secret-1": "stands in pay.yaml, line 2", "step.finished": "ordinary word", "evidence": "ordinary word", "failed_count": "ordinary word", "ed_count": "ordinary word", "********": "ordinary word"} {
		if err := m.Add("tok", value); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), value) {
			t.Errorf("%s: %v", value, err)
		}
		if got := m.MaskString(value); got != value {
			t.Errorf("what was refused is masked: %q", got)
		}
	}
}

// TestClean: the journal's short way says of no event that it is clean which it is not.
func TestClean(t *testing.T) {
	m := known(t, "pat\"na1\n<0123>")
	for text, clean := range map[string]bool{
		`{"a":"b","n":12345678,"c":["d\\e\"f"]}`: true, `{"a":"x pat\"na1\n<0123> y"}`: false, `{"a":"pat%22na1%0A%3c0123>"}`: false, `{"pat\"na1\n\u003c0123\u003e":1}`: false, `{"a":"pat\\\"na1\\n<0123>"}`: false, `"torn`: true,
	} {
		if got := m.Clean([]byte(text)); got != clean {
			t.Errorf("%s: clean is %v", text, got)
		}
	}
}

// TestTwiceEncoded: what is encoded inside something that is encoded, wherever it
// stands there.
func TestTwiceEncoded(t *testing.T) {
	const value = "Kx7-twice-encoded-0001"
	m := NewMasker()
	if err := m.Add("tok", value); err != nil {
		t.Fatal(err)
	}
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, before := range []string{"", "a", "ab", "abc"} {
		for _, between := range []string{"", "x", "xy"} {
			for what, s := range map[string]string{
				"base64 of base64": b64(between + b64(before+value+" and more") + between),
				"hex of base64":    hex.EncodeToString([]byte(b64(before + value))),
				"base64 of hex":    b64(between + hex.EncodeToString([]byte(before+value))),
			} {
				if got := m.MaskString("is " + s + " here"); !strings.Contains(got, Mask) || len(got) > len(s)/2+40 {
					t.Errorf("%s behind %q and %q: %s", what, before, between, got)
				}
			}
		}
	}
}
