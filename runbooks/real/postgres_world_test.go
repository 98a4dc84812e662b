//go:build unix

package real

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// dbPassword is the password of every role of the server of these tests.
const dbPassword = "s3cret-of-roles-0005"

// cluster is a private PostgreSQL with 20 connections, of which 3 are reserved.
type cluster struct {
	dir, port string
	admin     *pgconn.PgConn
}

// startCluster starts one from Debian's package. In CI it has to be there.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("initdb is not installed; .ci/services installs it")
		}
		t.Skip("initdb is not installed; .ci/services installs it")
	}
	bin := filepath.Dir(found[len(found)-1])
	attr := &syscall.SysProcAttr{Setpgid: true}
	dir, err := os.MkdirTemp("/tmp", "runbook-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(dbPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // it refuses root
		u, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		for _, p := range []string{dir, password} {
			if err := os.Chown(p, uid, gid); err != nil {
				t.Fatal(err)
			}
		}
	}
	data := filepath.Join(dir, "data")
	create := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-A", "scram-sha-256", "-U", "root", "--locale=C", "--no-sync", "--pwfile="+password)
	create.Dir, create.SysProcAttr = dir, attr
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{dir: dir, port: fmt.Sprint(l.Addr().(*net.TCPAddr).Port)}
	l.Close()
	var log bytes.Buffer
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", c.port, "-h", "127.0.0.1", "-k", dir, "-c", "fsync=off", "-c", "max_connections=20",
		"-c", "max_prepared_transactions=5", "-c", "archive_mode=on", "-c", "min_wal_size=32MB", "-c", "max_wal_senders=2")
	server.Dir, server.SysProcAttr, server.Stdout, server.Stderr = dir, attr, &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
		_ = server.Wait()
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if c.admin, err = pgconn.Connect(context.Background(), c.url("root", "test")); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the server does not come up: %v\n%s", err, log.String())
		}
	}
	t.Cleanup(func() { c.admin.Close(context.Background()) })
	c.must(t, "alter system set archive_command = '/bin/true'")
	c.must(t, "select pg_reload_conf()")
	for role, rights := range map[string]string{"app": "", "watch": "in role pg_monitor", "ender": "in role pg_monitor, pg_signal_backend", "narrow": "connection limit 2 in role pg_monitor", "nothing": ""} {
		c.must(t, "create role "+role+" login password '"+dbPassword+"' "+rights)
	}
	c.must(t, "create table jobs (id int primary key, n int); insert into jobs values (1, 0), (2, 0); grant all on jobs to app")
	return c
}

// url is how a role gets in.
func (c *cluster) url(role, application string) string {
	return "postgres://" + role + ":" + dbPassword + "@127.0.0.1:" + c.port + "/postgres?sslmode=disable&application_name=" + application
}

// given is the variable of the environment that holds it, as the kind takes it.
func (c *cluster) given(variable, role string) string {
	return variable + "=postgres://" + role + ":" + dbPassword + "@127.0.0.1:" + c.port + "/postgres?sslmode=disable"
}

func (c *cluster) must(t *testing.T, query string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	var value string
	results, err := c.admin.Exec(ctx, query).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	for _, r := range results {
		if len(r.Rows) > 0 && len(r.Rows[0]) > 0 {
			value = string(r.Rows[0][0])
		}
	}
	return value
}

// until waits until a query says true.
func (c *cluster) until(t *testing.T, query string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); c.must(t, "select "+query) != "t"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never true: %s", query)
		}
	}
}

// client is a session of an application.
type client struct {
	conn *pgconn.PgConn
	pid  string
	last chan error // what became of the query that was begun
}

// connect opens a session of an application, which ends with the test.
func (c *cluster) connect(t *testing.T, role, application string) *client {
	t.Helper()
	conn, err := pgconn.Connect(context.Background(), c.url(role, application))
	if err != nil {
		t.Fatal(err)
	}
	s := &client{conn: conn, pid: fmt.Sprint(conn.PID()), last: make(chan error, 1)}
	t.Cleanup(func() {
		c.must(t, "select pg_terminate_backend("+s.pid+")")
		c.until(t, "count(*) = 0 from pg_stat_activity where pid = "+s.pid)
	})
	return s
}

// do runs a query to its end.
func (s *client) do(t *testing.T, query string) *client {
	t.Helper()
	if _, err := s.conn.Exec(context.Background(), query).ReadAll(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s
}

// begin begins a query, and does not wait for it.
func (s *client) begin(query string) *client {
	go func() {
		_, err := s.conn.Exec(context.Background(), query).ReadAll()
		s.last <- err
	}()
	return s
}

// ended is the SQLSTATE that the query which was begun ended with, "" for none.
func (s *client) ended(t *testing.T) string {
	t.Helper()
	select {
	case err := <-s.last:
		if err == nil {
			return ""
		}
		if pg, ok := err.(*pgconn.PgError); ok {
			return pg.Code
		}
		return err.Error()
	case <-time.After(20 * time.Second):
		t.Error("the query goes on")
		return "none"
	}
}

// alive reports whether the session is there.
func (c *cluster) alive(t *testing.T, s *client) bool {
	t.Helper()
	return c.must(t, "select count(*) from pg_stat_activity where pid = "+s.pid) == "1"
}
