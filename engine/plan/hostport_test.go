package plan

import "testing"

func TestHostPort(t *testing.T) {
	for in, want := range map[string]struct {
		host string
		port int
	}{
		"h": {"h", 0}, "h:80": {"h", 80}, "::1": {"::1", 0}, "fe80::1:443": {"fe80::1:443", 0}, "[::1]": {"[::1]", 0}, "[::1]:443": {"[::1]", 443},
		"10.0.0.1:8080": {"10.0.0.1", 8080}, "h:name": {"h:name", 0}, "": {"", 0},
	} {
		if host, port := hostPort(in); host != want.host || port != want.port {
			t.Errorf("%q is %q and %d", in, host, port)
		}
	}
}
