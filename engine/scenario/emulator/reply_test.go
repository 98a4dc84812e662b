package emulator

import (
	"bytes"
	"testing"
	"time"
)

// TestPieces: what drips is all of the body, in exactly its time.
func TestPieces(t *testing.T) {
	for _, body := range []string{"", "a", "abcdef", "abcdefg", "a text of more than ten letters"} {
		for _, over := range []time.Duration{0, 1, 7, time.Second, 333 * time.Millisecond} {
			parts, pause := pieces([]byte(body), over)
			if got := string(bytes.Join(parts, nil)); got != body {
				t.Errorf("%q over %s: got %q", body, over, got)
			}
			if took := pause * time.Duration(len(parts)); body != "" && took != over {
				t.Errorf("%q over %s takes %s", body, over, took)
			}
		}
	}
}
