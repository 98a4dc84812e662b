package journal

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"runbook/engine/secret"
)

// datas are the data of all types of events.
var datas = []any{
	RunStartedData{}, RunPausedData{}, RunResumedData{}, RunFinishedData{}, StepStartedData{}, StepFinishedData{}, AttemptStartedData{}, AttemptFinishedData{},
	ProcessStartedData{}, WaitStartedData{}, WaitFinishedData{}, DecisionMadeData{}, FactSetData{}, SecretReplacedData{}, MessageRenderedData{}, MessageSentData{},
	MessageUnsentData{}, ApprovalRequestedData{}, ApprovalAnsweredData{}, UndoData{}, ProcedureStartedData{}, RunbookStartedData{}, RunbookFinishedData{}, ItemStartedData{},
	RunRehearsedData{}, StepRehearsedData{}, BranchRehearsedData{},
}

var texts = []string{"", "a", "<&>", "é\u2028\u2029😀", "\x00\b\f\n\r\t\x1f\x7f", "\"\\/", "bad\xff\xc3", "plain text", "$masked"}

// anyValue is a value as it stands in data: what JSON has, and some of what Go has.
func anyValue(r *rand.Rand, deep int) any {
	leaves := []any{
		nil, true, false, 0, -7, 1 << 40, int64(5), 1.5, 1e21, math.Copysign(0, -1), 1e-9, 100.0, math.MaxFloat64, json.Number("12345678901234567890"), json.Number("1.50"),
		secret.Value{Name: "a \"key\"", Present: true}, secret.Text{Parts: []secret.Part{{Text: "x"}, {Secret: "key"}}}, time.Minute, time.Unix(1, 2).UTC(), []string{"a", "<"},
		map[string]any(nil), []any(nil), []any{}, map[string]any{}, map[string]string{"b": "1", "a": "2"}, Place{File: "f", Line: 1}, &Error{Kind: "k"}, (*Error)(nil), []byte("bytes"), [2]int{1, 2},
	}
	n := r.IntN(len(leaves) + len(texts) + 8)
	switch {
	case n < len(leaves):
		return leaves[n]
	case n < len(leaves)+len(texts):
		return texts[n-len(leaves)]
	case deep == 0:
		return "deep"
	case n%2 == 0:
		m := map[string]any{}
		for range r.IntN(20) {
			m[texts[r.IntN(len(texts))]+string(rune('a'+r.IntN(20)))] = anyValue(r, deep-1)
		}
		return m
	}
	l := make([]any, r.IntN(4))
	for i := range l {
		l[i] = anyValue(r, deep-1)
	}
	return l
}

// fill gives a value of a type random content.
func fill(r *rand.Rand, v reflect.Value) {
	if r.IntN(4) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[r.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(r.IntN(2000) - 1000))
	case reflect.Float64:
		v.SetFloat(float64(r.IntN(100000)) / 1000)
	case reflect.Interface:
		if x := anyValue(r, 3); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range r.IntN(3) {
			x := reflect.New(v.Type().Elem()).Elem()
			fill(r, x)
			v.SetMapIndex(reflect.ValueOf(texts[r.IntN(len(texts))]), x)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(1<<32), r.Int64N(1e9)).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	}
}

// random is random data of a random type of event.
func random(r *rand.Rand) any {
	v := reflect.New(reflect.TypeOf(datas[r.IntN(len(datas))])).Elem()
	fill(r, v)
	return v.Interface()
}

// TestDataIsJSON: data is written as the JSON library would.
func TestDataIsJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		v := random(r)
		want, err := encode(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := appendValue([]byte("before "), v); !bytes.Equal(got, append([]byte("before "), want...)) || err != nil {
			t.Fatalf("%#v\ngot  %s %v\nwant %s", v, got, err, want)
		}
	}
	for _, v := range []any{math.NaN(), map[string]any{"a": make(chan int)}, StepFinishedData{Results: map[string]any{"a": []any{math.Inf(1)}}}} {
		if _, err := appendValue(nil, v); err == nil {
			t.Errorf("%v has no JSON, and is written", v)
		}
	}
}
