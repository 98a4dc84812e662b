package guard

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"runbook/engine/permit"
)

// TestSendingPermitsOneHost: a channel implies its own host and port for messages,
// where those around permit it, and takes nothing from what the file permits.
func TestSendingPermitsOneHost(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, x := range []struct {
		name  string
		set   permit.Set
		to    string
		takes bool
	}{
		{"its own", permit.Set{}, host, true},
		{"another port", permit.Set{}, "127.0.0.1:1", false},
		{"the file's other hosts", permit.Set{Hosts: []string{"127.0.0.1"}}, "hooks.example", false},
		{"not permitted around", permit.Set{Within: &permit.Set{}}, host, false},
		{"a host around", permit.Set{Within: &permit.Set{Hosts: []string{"127.0.0.1"}}}, host, true},
		{"a channel around", permit.Set{Within: &permit.Set{Channels: []string{host}}}, host, true},
		{"not permitted further out", permit.Set{Within: &permit.Set{Hosts: []string{"127.0.0.1"}, Within: &permit.Set{}}}, host, false},
	} {
		g := New(x.set, Options{})
		client, err := g.Sending(x.to).Client(TLS{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Get(server.URL)
		var denied *Denied
		if err == nil {
			resp.Body.Close()
		}
		if x.takes != (err == nil) || err != nil && !errors.As(err, &denied) {
			t.Errorf("%s: %v", x.name, err)
		}
		if first := g.Sending(x.to); g.Sending(x.to) != first {
			t.Error("each message has connections of its own")
		}
		own, err := g.Client(TLS{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := own.Get(server.URL); (err == nil) != x.set.Host("127.0.0.1", 0).OK {
			t.Errorf("%s: a step gets %v", x.name, err)
		}
		g.Close()
	}
}
