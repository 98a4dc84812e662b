//go:build unix

package sql

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"runbook/engine/guard"
	kindexec "runbook/engine/kind/exec"
	"runbook/engine/permit"
)

// secretWord is the password of every server of these tests; no message may say it.
const secretWord = "s3cret-Wörd'1"

// server is a private database server of a test.
type server struct {
	driver, host, port string
	ca                 string // its authority's certificate, in PEM
	dir                string
	guard              *guard.Guard
}

// options are a use of the server, with what is given besides.
func (s *server) options(query string, more map[string]any) map[string]any {
	o := map[string]any{"driver": s.driver, "host": s.host, "port": s.port, "database": "test", "user": "oncall", "password": secretWord, "query": query, "tls": map[string]any{"mode": "none"}}
	maps.Copy(o, more)
	return o
}

func (s *server) do(t *testing.T, check bool, query string, params ...any) kindexec.Result {
	t.Helper()
	return s.within(t, 20*time.Second, check, s.options(query, map[string]any{"params": params}))
}

func (s *server) within(t *testing.T, d time.Duration, check bool, o map[string]any) kindexec.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return New().Executor.Execute(ctx, kindexec.Request{Options: o, Check: check, Guard: s.guard})
}

// must is an answer that has to be there.
func (s *server) must(t *testing.T, check bool, query string, params ...any) map[string]any {
	t.Helper()
	r := s.do(t, check, query, params...)
	if r.Error != nil {
		t.Fatalf("%s: %v", query, r.Error)
	}
	return r.Fields
}

// program finds a server's program. In CI it has to be there.
func program(t *testing.T, name string, folders ...string) string {
	t.Helper()
	for _, f := range folders {
		found, _ := filepath.Glob(filepath.Join(f, name))
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed; .ci/services installs it", name)
	}
	t.Skipf("%s is not installed; .ci/services installs it", name)
	return ""
}

// unprivileged is who a server runs as: they refuse root.
func unprivileged(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr
}

// home is a folder that the server's user owns.
func home(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "runbook-db-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	own(t, dir)
	return dir
}

func own(t *testing.T, path string) {
	t.Helper()
	if c := unprivileged(t).Credential; c != nil {
		if err := os.Chown(path, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	own(t, path)
	return path
}

// prepare runs a program to its end.
func prepare(t *testing.T, dir string, argv ...string) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.SysProcAttr = dir, unprivileged(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, out)
	}
}

// start starts a server, and ends it with the test.
func start(t *testing.T, s *server, argv ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = s.dir, unprivileged(t), &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	s.guard = guard.New(permit.Set{Hosts: []string{s.host}}, guard.Options{})
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		r := s.within(t, 5*time.Second, true, s.options("select 1", nil))
		if r.Error == nil {
			return
		}
		if time.Now().After(end) {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
			t.Fatalf("the server does not come up: %v\n%s", r.Error, log.String())
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// certificate makes an authority and a certificate of it for db.example.com.
func certificate(t *testing.T, dir string) (ca, cert, key string) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (string, *ecdsa.PrivateKey) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if signer == nil {
			signer = k
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &k.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), k
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caPEM, caKey := sign(root, root, nil)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "db.example.com"}, DNSNames: []string{"db.example.com"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	certPEM, k := sign(leaf, root, caKey)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return write(t, dir, "ca.pem", caPEM), write(t, dir, "cert.pem", certPEM), write(t, dir, "key.pem", keyPEM)
}

// startPostgres starts PostgreSQL.
func startPostgres(t *testing.T) *server {
	t.Helper()
	initdb := program(t, "initdb", "/usr/lib/postgresql/*/bin")
	s := &server{driver: "postgres", host: "127.0.0.1", port: freePort(t), dir: home(t)}
	data := filepath.Join(s.dir, "data")
	prepare(t, s.dir, initdb, "-D", data, "-A", "scram-sha-256", "-U", "oncall", "-E", "UTF8", "--locale=C", "--no-sync", "--pwfile="+write(t, s.dir, "password", secretWord))
	ca, cert, key := certificate(t, s.dir)
	s.ca = ca
	port := s.port
	bin := filepath.Dir(initdb)
	create := exec.Command(filepath.Join(bin, "postgres"), "--single", "-D", data, "postgres")
	create.Dir, create.SysProcAttr, create.Stdin = s.dir, unprivileged(t), bytes.NewBufferString("create database test;\n")
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("create database: %v\n%s", err, out)
	}
	start(t, s, filepath.Join(bin, "postgres"), "-D", data, "-p", port, "-h", s.host, "-k", s.dir, "-c", "fsync=off", "-c", "ssl=on", "-c", "ssl_cert_file="+cert, "-c", "ssl_key_file="+key)
	return s
}

// startMariaDB starts MariaDB, which speaks what MySQL speaks.
func startMariaDB(t *testing.T) *server {
	t.Helper()
	mariadbd := program(t, "mariadbd", "/usr/sbin")
	install := program(t, "mariadb-install-db", "/usr/bin")
	s := &server{driver: "mysql", host: "127.0.0.1", port: freePort(t), dir: home(t)}
	data := filepath.Join(s.dir, "data")
	prepare(t, s.dir, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	ca, cert, key := certificate(t, s.dir)
	s.ca = ca
	quoted := "'s3cret-Wörd''1'"
	init := write(t, s.dir, "init.sql", "CREATE DATABASE IF NOT EXISTS test CHARACTER SET utf8mb4;\nCREATE USER IF NOT EXISTS oncall@'%' IDENTIFIED BY "+quoted+";\nGRANT ALL ON *.* TO oncall@'%';\n")
	start(t, s, mariadbd, "--no-defaults", "--datadir="+data, "--socket="+filepath.Join(s.dir, "s"), "--port="+s.port, "--bind-address="+s.host, "--init-file="+init,
		"--character-set-server=utf8mb4", "--pid-file="+filepath.Join(s.dir, "pid"), "--skip-name-resolve", "--ssl-cert="+cert, "--ssl-key="+key, "--innodb-flush-log-at-trx-commit=0")
	return s
}
