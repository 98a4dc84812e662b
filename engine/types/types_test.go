package types

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDecodeJSONLosesNothing(t *testing.T) {
	for in, want := range map[string]any{
		`1`: 1, `-7`: -7, `1.5`: 1.5, `12345678901234567`: 12345678901234567, `123456789012345678901234567890`: json.Number("123456789012345678901234567890"),
		`0.1234567890123456789`: json.Number("0.1234567890123456789"), `1e3`: 1000.0, `[1,"a",null]`: []any{1, "a", nil}, `{"a":{"b":2}}`: map[string]any{"a": map[string]any{"b": 2}},
	} {
		got, err := DecodeJSON([]byte(in))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v; want %#v", in, got, err, want)
		}
	}
	for _, in := range []string{``, `{`, `1 2`, `nope`, strings.Repeat("[", 5000) + strings.Repeat("]", 5000)} {
		if v, err := DecodeJSON([]byte(in)); err == nil {
			t.Errorf("%.20q gave %v", in, v)
		}
	}
}

func TestParse(t *testing.T) {
	list := &Type{Kind: List, Elem: &Type{Kind: Int}}
	for _, c := range []struct {
		d    Decl
		in   string
		want any
		err  string
	}{
		{Decl{Type: &Type{Kind: String}}, "x", "x", ""},
		{Decl{Type: &Type{Kind: String}, Pattern: "^[a-z]+$"}, "X", nil, "does not match"},
		{Decl{Type: &Type{Kind: String, Enum: []string{"a", "b"}}}, "c", nil, "one of a, b"},
		{Decl{Type: &Type{Kind: Int}, Min: 1, Max: 9}, "5", 5, ""},
		{Decl{Type: &Type{Kind: Int}, Min: 1, Max: 9}, "10", nil, "at most 9"},
		{Decl{Type: &Type{Kind: Int}, Min: 1}, "0", nil, "at least 1"},
		{Decl{Type: &Type{Kind: Int}}, "1.5", nil, "not an integer"},
		{Decl{Type: &Type{Kind: Number}}, "1.5", 1.5, ""},
		{Decl{Type: &Type{Kind: Number}}, "NaN", nil, "not a number"},
		{Decl{Type: &Type{Kind: Bool}}, "yes", true, ""},
		{Decl{Type: &Type{Kind: Bool}}, "maybe", nil, "not true or false"},
		{Decl{Type: &Type{Kind: Duration}}, "90s", 90 * time.Second, ""},
		{Decl{Type: &Type{Kind: Duration}}, "90", nil, "90s, 5m"},
		{Decl{Type: &Type{Kind: Time}}, "2026-11-23T04:05:06Z", time.Date(2026, 11, 23, 4, 5, 6, 0, time.UTC), ""},
		{Decl{Type: &Type{Kind: Time}}, "tomorrow", nil, "not a time"},
		{Decl{Type: &Type{Kind: URL}}, "https://a.b/c", "https://a.b/c", ""},
		{Decl{Type: &Type{Kind: URL}}, "ftp://a.b", nil, "http or https"},
		{Decl{Type: &Type{Kind: URL}}, "", "", ""},
		{Decl{Type: &Type{Kind: URL}, Required: true}, "", nil, "is needed"},
		{Decl{Type: list}, "1, 2,3", []any{1, 2, 3}, ""},
		{Decl{Type: list}, "[4,5]", []any{4, 5}, ""},
		{Decl{Type: list}, "1,x", nil, "not an integer"},
		{Decl{Type: list, Max: 1}, "1,2", nil, "length must be at most 1"},
		{Decl{Type: &Type{Kind: Object}}, `{"a":1}`, map[string]any{"a": 1}, ""},
		{Decl{Type: &Type{Kind: Object}}, `[]`, nil, "not an object"},
	} {
		got, err := c.d.Parse(c.in)
		if c.err == "" && (err != nil || !reflect.DeepEqual(got, c.want)) {
			t.Errorf("%q as %s: got %#v, %v", c.in, c.d.Type, got, err)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q as %s: got %v, %v; want an error with %q", c.in, c.d.Type, got, err, c.err)
		}
	}
}

func TestEncodeAndDecodeAreInverse(t *testing.T) {
	typ := &Type{Kind: Object, Fields: []Field{{Name: "d", Type: &Type{Kind: Duration}}, {Name: "t", Type: &Type{Kind: Time}}, {Name: "l", Type: &Type{Kind: List, Elem: &Type{Kind: Duration}}}}}
	v := map[string]any{"d": 90 * time.Second, "t": time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), "l": []any{time.Second}, "x": "y"}
	b, err := json.Marshal(Encode(v))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := DecodeJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(typ, raw)
	if err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("got %#v, %v", got, err)
	}
}

func TestFormat(t *testing.T) {
	for want, v := range map[string]any{"": nil, "3": 3.0, "2.5": 2.5, "1m30s": 90 * time.Second, `{"a":["<b>"]}`: map[string]any{"a": []any{"<b>"}}, "true": true} {
		if got := Format(v); got != want {
			t.Errorf("Format(%#v) = %q, want %q", v, got, want)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,"x",null,true]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := DecodeJSON(data)
		if err == nil {
			if _, err := json.Marshal(Encode(v)); err != nil {
				t.Errorf("%q cannot be written again: %v", data, err)
			}
		}
	})
}
