package sql

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"runbook/engine/guard"
	"runbook/engine/types"
)

// The words of `driver` and of `tls.mode`.
const (
	driverPostgres = "postgres"
	driverMySQL    = "mysql"
	driverSQLite   = "sqlite"

	modeVerify  = "verify"
	modeEncrypt = "encrypt"
	modeNone    = "none"
)

// target is the database to ask.
type target struct {
	driver, file         string
	host, port, database string
	user, password       string
	mode                 string
	tls                  guard.TLS
}

func (t *target) address() string { return net.JoinHostPort(t.host, t.port) }

// targetOf reads a target from the options. Its errors never quote the URL, which
// holds a password.
func targetOf(o map[string]any) (*target, error) {
	s := func(key string) string { return types.Format(o[key]) }
	certs, _ := o["tls"].(map[string]any)
	c := func(key string) string { return types.Format(certs[key]) }
	t := &target{
		driver: s("driver"), file: s("file"), host: s("host"), port: s("port"), database: s("database"), user: s("user"), password: s("password"),
		mode: modeVerify, tls: guard.TLS{CA: c("ca"), Cert: c("cert"), Key: c("key"), ServerName: c("server_name")},
	}
	if _, ok := o["url"]; ok {
		if err := t.fromURL(s("url")); err != nil {
			return nil, err
		}
	}
	if m := c("mode"); m != "" {
		t.mode = m
	}
	return t, t.whole()
}

// whole checks what a template can have left out, and fills in the port.
func (t *target) whole() error {
	if t.driver == driverSQLite {
		if t.file == "" || strings.ContainsRune(t.file, 0) {
			return errors.New("`file` is empty or holds a NUL")
		}
		return nil
	}
	if t.host == "" || strings.ContainsAny(t.host, "/\\@ \x00") {
		return errors.New("the host is empty, or no host")
	}
	if strings.ContainsRune(t.user+t.password+t.database, 0) {
		return errors.New("`user`, `password` or `database` holds a NUL")
	}
	if t.port == "" {
		t.port = map[string]string{driverPostgres: "5432", driverMySQL: "3306"}[t.driver]
	}
	if n, err := strconv.ParseUint(t.port, 10, 16); err != nil || n == 0 {
		return errors.New("`port` is no port")
	}
	return nil
}

// schemes are the ways to begin a URL for each driver.
var schemes = map[string]string{"postgres": driverPostgres, "postgresql": driverPostgres, "mysql": driverMySQL, "mariadb": driverMySQL}

// fromURL takes a URL apart. What it can say is a closed list: the drivers' own
// URLs can name files to read and hosts to fall back to.
func (t *target) fromURL(s string) error {
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("the URL cannot be read: in a user or a password, write : / ? # @ % as %3A %2F %3F %23 %40 %25")
	}
	if schemes[u.Scheme] != t.driver {
		return fmt.Errorf("the URL is not one for %s: it must begin with %s://", t.driver, t.driver)
	}
	t.host, t.port, t.database, t.user = u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username()
	t.password, _ = u.User.Password()
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("what stands behind the ? of the URL cannot be read")
	}
	for key, values := range q {
		if err := t.parameter(key, values[len(values)-1]); err != nil {
			return err
		}
	}
	return nil
}

// modes are what the drivers' own words for TLS mean here.
var modes = map[string]map[string]string{
	"sslmode": {"disable": modeNone, "require": modeEncrypt, "verify-full": modeVerify},
	"tls":     {"false": modeNone, "skip-verify": modeEncrypt, "true": modeVerify},
}

func (t *target) parameter(key, value string) error {
	words, known := modes[key]
	if !known || (key == "sslmode") != (t.driver == driverPostgres) {
		return errors.New("the URL has a parameter that is not known here: only sslmode for postgres and tls for mysql are; certificates stand under `tls`")
	}
	m, ok := words[value]
	if !ok {
		return fmt.Errorf("the URL's %s says what is not known here: write `tls: {mode: %s}`, %s or %s", key, modeVerify, modeEncrypt, modeNone)
	}
	t.mode = m
	return nil
}
