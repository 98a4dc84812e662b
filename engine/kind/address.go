package kind

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"runbook/engine/source"
)

// ParsePort reads a port as an option gives it.
func ParsePort(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is no port", s)
	}
	return n, nil
}

// ParseURL reads an http or https URL. Its errors do not hold the URL, in which a
// secret may stand.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	var ue *url.Error
	switch {
	case errors.As(err, &ue):
		return nil, ue.Err
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("it has no host")
	}
	return u, nil
}

// CheckDial says what is wrong with the options `host` and `port`, as far as they
// are known.
func (u Use) CheckDial(add func(at source.Span, summary, detail string)) {
	if s, ok := u.Text("port"); ok {
		if _, err := ParsePort(s); err != nil {
			add(u.Options["port"].Span, err.Error(), "Write a number from 1 to 65535.")
		}
	}
	if s, ok := u.Text("host"); ok && (s == "" || strings.ContainsAny(s, "/ ")) {
		add(u.Options["host"].Span, "the host cannot be used: it is a name or an address alone", "Write one such as db.example.com, and the port under `port`.")
	}
}

// Dials is the effect of connecting to the options `host` and `port`, as far as
// they are known. otherwise is the port where none is given.
func (u Use) Dials(otherwise int) []Effect {
	l := u.Options["host"]
	host, ok := u.Text("host")
	if !ok || host == "" {
		return []Effect{{Span: l.Span}}
	}
	port := 0 // not known yet
	if _, given := u.Options["port"]; !given {
		port = otherwise
	} else if s, ok := u.Text("port"); ok {
		port, _ = ParsePort(s)
	}
	return []Effect{{Host: net.JoinHostPort(host, strconv.Itoa(port)), Span: l.Span}}
}

// CheckURL says what is wrong with the option `url`, as far as it is known.
func (u Use) CheckURL(example string, add func(at source.Span, summary, detail string)) {
	l := u.Options["url"]
	if s, ok := u.Text("url"); ok {
		if _, err := ParseURL(s); err != nil {
			add(l.Span, "the URL cannot be used: "+err.Error(), "Write one such as "+example+".")
		}
		return
	}
	if scheme, _, ok := strings.Cut(l.Prefix, "://"); ok && scheme != "http" && scheme != "https" {
		add(l.Span, "the URL's scheme is "+scheme, "Only http and https can be asked.")
	}
}

// Asks is the effect of a request to the option `url`. Its host is known once
// its end is.
func (u Use) Asks() []Effect {
	l := u.Options["url"]
	s, ok := u.Text("url")
	if !ok {
		s = l.Prefix
		if _, rest, found := strings.Cut(s, "://"); !found || !strings.ContainsAny(rest, "/?#") {
			return []Effect{{Span: l.Span}}
		}
	}
	parsed, err := ParseURL(s)
	if err != nil {
		return nil
	}
	return []Effect{{Host: parsed.Host, Span: l.Span}}
}
