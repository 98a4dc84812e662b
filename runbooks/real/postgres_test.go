//go:build unix

package real

import (
	"strings"
	"testing"
	"time"
)

// night is a run against the real server, with what a person answers.
type night struct {
	*cluster
	hall *hall
	env  []string
}

func (n *night) run(t *testing.T, args ...string) *result {
	t.Helper()
	return n.hall.run(t, nil, n.env, append([]string{"run", "postgres-full", "--input", "host=127.0.0.1", "--input", "lock_after=200ms"}, args...)...)
}

func (n *night) resume(t *testing.T, before *result, args ...string) *result {
	t.Helper()
	if before.code != 5 {
		t.Fatalf("exit code %d: the run does not wait\n%s", before.code, before.err)
	}
	return n.hall.run(t, before, n.env, append([]string{"resume", "last"}, args...)...)
}

// as are the roles of a run.
func (n *night) as(door, reserve string) *night {
	env := []string{n.given("DATABASE_URL", door)}
	if reserve != "" {
		env = append(env, n.given("DATABASE_RESERVE_URL", reserve))
	}
	return &night{n.cluster, n.hall, env}
}

// TestPostgresFull runs the runbook through the real binary, against a real
// server that is really full, really locked, and whose sessions really end.
func TestPostgresFull(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	h := newHall(t)
	h.secrets = append(h.secrets, dbPassword)
	n := (&night{cluster: c, hall: h}).as("watch", "ender")
	for _, s := range []struct {
		name string
		run  func(*testing.T, *night)
	}{
		{"a good day", pgGoodDay},
		{"a query that holds a lock is cancelled", pgCancelled},
		{"a session that left its transaction open is ended, and not cancelled", pgTerminated},
		{"a query that does not heed the cancel loses its session", pgHeedless},
		{"nobody wants it ended", pgRefused},
		{"the session works on something else meanwhile", pgMovedOn},
		{"two roots, one is picked", pgTwoRoots},
		{"what holds the lock is protected", pgProtected},
		{"a superuser's session holds the lock", pgSuperuser},
		{"our role may not end sessions", pgNoSignal},
		{"a prepared transaction holds the lock", pgPrepared},
		{"full of idle sessions", pgFullIdle},
		{"full of transactions that were left open", pgFullOpen},
		{"full of work", pgFullLoad},
		{"full of long queries", pgFullLong},
		{"full, and no way in", pgTurnedAway},
		{"a role's own limit", pgOwnLimit},
		{"transactions are left open", pgLeftOpen},
		{"a query works for long", pgLong},
		{"a synchronous replica is missing", pgReplicaMissing},
		{"an unused slot holds WAL", pgSlot},
		{"the archive fails", pgArchive},
		{"much WAL", pgMuchWAL},
		{"we see nothing", pgBlind},
		{"the ordinary role is refused", pgShutOut},
		{"our password is wrong", pgPassword},
		{"nobody listens", pgNobody},
		{"the URL names another host", pgOtherHost},
	} {
		t.Run(s.name, func(t *testing.T) { s.run(t, n) })
	}
}

func pgGoodDay(t *testing.T, n *night) {
	r := n.run(t)
	want{outcome: "no_action", decisions: "contact=sees diagnosis=healthy", facts: map[string]string{"severity": "P4"}, summary: []string{"of 17 (", "Replicas: none is connected"},
		messages: map[string][]string{"incident_update": nil}}.hold(t, n.hall, r)
}

// locked is a chain: the root holds the lock, two others wait.
func locked(t *testing.T, n *night, role, application string) (root, waits *client) {
	t.Helper()
	root = n.connect(t, role, application).do(t, "begin; update jobs set n = n + 1 where id = 1")
	waits = n.connect(t, "app", "web").begin("update jobs set n = n + 1 where id = 1")
	n.until(t, "count(*) = 1 from pg_stat_activity where wait_event_type = 'Lock'")
	n.connect(t, "app", "cron").begin("update jobs set n = n + 1 where id = 1")
	n.until(t, "count(*) = 2 from pg_stat_activity where wait_event_type = 'Lock'")
	time.Sleep(300 * time.Millisecond) // lock_after
	return root, waits
}

func pgCancelled(t *testing.T, n *night) {
	root, waits := locked(t, n, "app", "shop")
	root.begin("select pg_sleep(60)")
	n.until(t, "state = 'active' from pg_stat_activity where pid = "+root.pid)
	r := n.run(t, "--answer", "pick.pids="+root.pid, "--approve", "cancel")
	want{outcome: "resolved", decisions: "diagnosis=lock_chain extent=local locks_now=free", facts: map[string]string{"severity": "P2", "cause": "2 sessions wait for locks of " + root.pid + " shop"},
		asks:     map[string][]string{"pick": {"pid " + root.pid + ": shop, user app", "2 wait for it"}, "cancel": {"pid " + root.pid + ", user app, application shop", "select pg_sleep(60)", "2 wait for it"}},
		silent:   []string{"terminate"},
		messages: map[string][]string{"incident_update": {"P2 INCIDENT", "IDENTIFIED"}, "incident_over": {"P2 OVER"}}}.hold(t, n.hall, r)
	if code := root.ended(t); code != "57014" {
		t.Errorf("the root's query ended with %q, not cancelled", code)
	}
	if !n.alive(t, root) {
		t.Error("the session is gone; its query alone was to be cancelled")
	}
	if code := waits.ended(t); code != "" {
		t.Errorf("what waited ended with %q", code)
	}
}

func pgTerminated(t *testing.T, n *night) {
	root, waits := locked(t, n, "app", "shop")
	r := n.run(t, "--answer", "pick.pids="+root.pid, "--approve", "terminate")
	want{outcome: "resolved", decisions: "diagnosis=lock_chain locks_now=free", silent: []string{"cancel"},
		asks: map[string][]string{"terminate": {"pid " + root.pid, "idle in transaction for", "update jobs"}}}.hold(t, n.hall, r)
	if n.alive(t, root) {
		t.Error("the session is there")
	}
	if code := waits.ended(t); code != "" {
		t.Errorf("what waited ended with %q", code)
	}
}

func pgHeedless(t *testing.T, n *night) {
	root, _ := locked(t, n, "app", "shop")
	root.begin("do $$ begin loop begin perform pg_sleep(30); exception when query_canceled then null; end; end loop; end $$")
	n.until(t, "state = 'active' from pg_stat_activity where pid = "+root.pid)
	r := n.run(t, "--answer", "pick.pids="+root.pid, "--approve", "cancel", "--approve", "terminate")
	want{outcome: "resolved", decisions: "diagnosis=lock_chain locks_now=free", asks: map[string][]string{"terminate": {"Cancelling its query did not help", "pid " + root.pid}}}.hold(t, n.hall, r)
	if code := root.ended(t); code != "57P01" {
		t.Errorf("the root ended with %q, not by the administrator", code)
	}
}

func pgRefused(t *testing.T, n *night) {
	root, _ := locked(t, n, "app", "shop")
	root.begin("select pg_sleep(60)")
	n.until(t, "state = 'active' from pg_stat_activity where pid = "+root.pid)
	r := n.run(t, "--answer", "pick.pids="+root.pid, "--answer", "cancel=refuse")
	want{outcome: "escalated", decisions: "diagnosis=lock_chain", silent: []string{"terminate"}, summary: []string{"No session was ended"}}.hold(t, n.hall, r)
	if n.must(t, "select state from pg_stat_activity where pid = "+root.pid) != "active" {
		t.Error("the query was ended all the same")
	}
}

// pgMovedOn: between the question and the answer the pid is about something else.
func pgMovedOn(t *testing.T, n *night) {
	root, _ := locked(t, n, "app", "shop")
	r := n.run(t, "--answer", "pick.pids="+root.pid)
	root.do(t, "commit").begin("select pg_sleep(60)")
	n.until(t, "query = 'select pg_sleep(60)' and state = 'active' from pg_stat_activity where pid = "+root.pid)
	r = n.resume(t, r, "--approve", "terminate")
	want{outcome: "resolved", decisions: "diagnosis=lock_chain locks_now=free"}.hold(t, n.hall, r)
	if n.must(t, "select state from pg_stat_activity where pid = "+root.pid) != "active" {
		t.Error("another query of the session was ended")
	}
}

func pgTwoRoots(t *testing.T, n *night) {
	root, _ := locked(t, n, "app", "shop")
	other := n.connect(t, "app", "mail").do(t, "begin; update jobs set n = n + 1 where id = 2")
	n.connect(t, "app", "web").begin("update jobs set n = n + 1 where id = 2")
	n.until(t, "count(*) = 3 from pg_stat_activity where wait_event_type = 'Lock'")
	time.Sleep(300 * time.Millisecond)
	r := n.run(t, "--answer", "pick.pids="+root.pid, "--approve", "terminate")
	want{outcome: "mitigated", decisions: "diagnosis=lock_chain locks_now=fewer", summary: []string{"1 sessions wait for locks, and 3 did before"},
		asks: map[string][]string{"pick": {root.pid, other.pid}}}.hold(t, n.hall, r)
	if n.alive(t, root) || !n.alive(t, other) {
		t.Error("not the one that was picked was ended, and it alone")
	}
}

func pgProtected(t *testing.T, n *night) {
	root, _ := locked(t, n, "app", "Patroni")
	r := n.run(t)
	want{outcome: "escalated", decisions: "diagnosis=blocked_by_others", summary: []string{root.pid + " Patroni (its application is protected)"}, silent: []string{"pick"}}.hold(t, n.hall, r)
}

func pgSuperuser(t *testing.T, n *night) {
	root, _ := locked(t, n, "root", "maintenance")
	want{outcome: "escalated", decisions: "diagnosis=blocked_by_others", summary: []string{"it is a superuser's"}, silent: []string{"pick"}}.hold(t, n.hall, n.run(t))
	r := n.as("watch", "root").run(t, "--answer", "pick.pids="+root.pid, "--approve", "terminate")
	want{outcome: "resolved", decisions: "diagnosis=lock_chain"}.hold(t, n.hall, r)
}

func pgNoSignal(t *testing.T, n *night) {
	locked(t, n, "app", "shop")
	r := n.as("watch", "").run(t)
	want{outcome: "escalated", decisions: "diagnosis=lock_chain", summary: []string{"pg_signal_backend"}, silent: []string{"pick"}}.hold(t, n.hall, r)
}

func pgPrepared(t *testing.T, n *night) {
	n.connect(t, "app", "tm").do(t, "begin; update jobs set n = n + 1 where id = 1; prepare transaction 'order-17'")
	n.connect(t, "app", "web").begin("update jobs set n = n + 1 where id = 1")
	n.until(t, "count(*) = 1 from pg_stat_activity where wait_event_type = 'Lock'")
	time.Sleep(300 * time.Millisecond)
	r := n.run(t)
	n.connect(t, "app", "tm").do(t, "rollback prepared 'order-17'")
	want{outcome: "resolved", decisions: "diagnosis=prepared_transaction", facts: map[string]string{"cause": "The prepared transaction order-17 of app holds locks, and 1 sessions wait for it"},
		silent: []string{"pick"}, asks: map[string][]string{"settle": {"rollback prepared", "order-17 of app in postgres"}}}.hold(t, n.hall, n.resume(t, r, "--answer", "settle=done"))
}

// crowd takes all of the 17 ordinary connections.
func crowd(t *testing.T, n *night, use func(*client)) (all []*client) {
	t.Helper()
	for used := n.must(t, "select count(*) from pg_stat_activity where backend_type = 'client backend'"); used != "20" && len(all) < 16; used = n.must(t, "select count(*) from pg_stat_activity where backend_type = 'client backend'") {
		s := n.connect(t, "app", "shop")
		use(s)
		all = append(all, s)
	}
	time.Sleep(1200 * time.Millisecond) // idle_after
	return all
}

func pgFullIdle(t *testing.T, n *night) {
	crowd(t, n, func(s *client) { s.do(t, "select 1") })
	r := n.as("watch", "root").run(t, "--input", "idle_after=1s", "--answer", "whose.who=shop / app / 127.0.0.1", "--approve", "end_them")
	want{outcome: "mitigated", decisions: "diagnosis=full extent=refused filler=idle", facts: map[string]string{"severity": "P1", "impact": "New connections to the database fail"},
		asks:     map[string][]string{"whose": {"16 of shop / app / 127.0.0.1: 0 active, 0 idle in transaction, 16 idle"}, "end_them": {"End 16 sessions of shop / app / 127.0.0.1"}},
		messages: map[string][]string{"incident_update": {"Most of them: shop / app / 127.0.0.1"}, "incident_over": {"P1 OVER"}}}.hold(t, n.hall, r)
}

func pgFullOpen(t *testing.T, n *night) {
	all := crowd(t, n, func(s *client) { s.do(t, "begin; select 1") })
	var pids []string
	for _, s := range all[:4] {
		pids = append(pids, s.pid)
	}
	r := n.as("watch", "root").run(t, "--input", "idle_after=1s", "--answer", "pick.pids="+strings.Join(pids, ","), "--approve", "terminate")
	for range pids[1:] { // an approval is for one session
		r = n.resume(t, r, "--approve", "terminate")
	}
	want{outcome: "mitigated", decisions: "diagnosis=full extent=refused filler=left_open", facts: map[string]string{"severity": "P1"}, silent: []string{"cancel"}}.hold(t, n.hall, r)
	for i, s := range all {
		if n.alive(t, s) != (i >= 4) {
			t.Errorf("session %d is alive: %v", i, i < 4)
		}
	}
}

func pgFullLoad(t *testing.T, n *night) {
	crowd(t, n, func(s *client) { s.begin("select pg_sleep(60)") })
	r := n.as("watch", "root").run(t)
	want{outcome: "escalated", decisions: "diagnosis=full filler=working", summary: []string{"This is load", "shop / app / 127.0.0.1"}, silent: []string{"pick", "whose"}}.hold(t, n.hall, r)
}

func pgFullLong(t *testing.T, n *night) {
	all := crowd(t, n, func(s *client) { s.begin("select pg_sleep(60)") })
	r := n.as("watch", "root").run(t, "--input", "long_after=1s", "--answer", "pick.pids="+all[0].pid, "--approve", "cancel")
	want{outcome: "escalated", decisions: "diagnosis=full filler=working", summary: []string{"there is no room", "connects again at once"}}.hold(t, n.hall, r)
	if code := all[0].ended(t); code != "57014" {
		t.Errorf("it ended with %q", code)
	}
}

func pgTurnedAway(t *testing.T, n *night) {
	all := crowd(t, n, func(s *client) { s.do(t, "select 1") })
	r := n.as("watch", "").run(t)
	n.must(t, "select pg_terminate_backend("+all[0].pid+")")
	n.until(t, "count(*) = 0 from pg_stat_activity where pid = "+all[0].pid)
	r = n.as("watch", "").resume(t, r, "--answer", "free_one=done")
	want{outcome: "mitigated", decisions: "contact=turned_away", facts: map[string]string{"severity": "P1"}, asks: map[string][]string{"free_one": {"53300", "DATABASE_RESERVE_URL is not given"}}}.hold(t, n.hall, r)
	n.until(t, "count(*) = 0 from pg_stat_activity where usename = 'watch'") // the server hears of a closed connection later
	n.connect(t, "app", "shop")
	r = n.as("watch", "").run(t, "--answer", "free_one=could_not")
	want{outcome: "escalated", decisions: "contact=turned_away", summary: []string{"a superuser on the host"}}.hold(t, n.hall, r)
	r = n.as("watch", "").run(t, "--answer", "free_one=done")
	want{outcome: "escalated", decisions: "contact=turned_away", summary: []string{"still turns us away", "53300"}}.hold(t, n.hall, r)
}

func pgOwnLimit(t *testing.T, n *night) {
	a, b := n.connect(t, "narrow", "pool").do(t, "select 1"), n.connect(t, "narrow", "pool").do(t, "select 1")
	time.Sleep(1200 * time.Millisecond)
	r := n.as("narrow", "ender").run(t, "--input", "idle_after=1s", "--answer", "whose.who=pool / narrow / 127.0.0.1", "--approve", "end_them")
	want{outcome: "mitigated", decisions: "diagnosis=own_limit", facts: map[string]string{"severity": "P2"}, summary: []string{`too many connections for role "narrow"`}}.hold(t, n.hall, r)
	if n.alive(t, a) || n.alive(t, b) {
		t.Error("they did not end")
	}
}

func pgLeftOpen(t *testing.T, n *night) {
	s := n.connect(t, "app", "report").do(t, "begin; select n from jobs")
	time.Sleep(1200 * time.Millisecond)
	r := n.run(t, "--input", "idle_after=1s", "--answer", "pick.pids="+s.pid, "--approve", "terminate")
	want{outcome: "mitigated", decisions: "diagnosis=left_open", facts: map[string]string{"severity": "P3"}, summary: []string{"1 of the sessions"}}.hold(t, n.hall, r)
	if n.alive(t, s) {
		t.Error("it did not end")
	}
}

func pgLong(t *testing.T, n *night) {
	s := n.connect(t, "app", "report").begin("select pg_sleep(60)")
	time.Sleep(1200 * time.Millisecond)
	r := n.run(t, "--input", "long_after=1s", "--answer", "pick.pids="+s.pid, "--approve", "cancel")
	want{outcome: "mitigated", decisions: "diagnosis=long_queries"}.hold(t, n.hall, r)
	if code := s.ended(t); code != "57014" {
		t.Errorf("it ended with %q", code)
	}
	s.begin("select pg_sleep(60)")
	time.Sleep(1200 * time.Millisecond)
	r = n.run(t, "--input", "long_after=1s", "--answer", "pick=could_not")
	want{outcome: "escalated", decisions: "diagnosis=long_queries", summary: []string{"Nobody here could say"}}.hold(t, n.hall, r)
}

func pgReplicaMissing(t *testing.T, n *night) {
	n.must(t, "alter system set synchronous_standby_names = 'replica1'")
	t.Cleanup(func() {
		n.must(t, "alter system reset synchronous_standby_names")
		n.must(t, "select pg_reload_conf()")
	})
	n.must(t, "select pg_reload_conf()")
	n.until(t, "current_setting('synchronous_standby_names') = 'replica1'")
	s := n.connect(t, "app", "shop").begin("update jobs set n = n + 1 where id = 2")
	n.until(t, "count(*) = 1 from pg_stat_activity where wait_event = 'SyncRep'")
	r := n.run(t)
	n.must(t, "alter system reset synchronous_standby_names")
	n.must(t, "select pg_reload_conf()")
	r = n.resume(t, r, "--answer", "replica=done")
	want{outcome: "resolved", decisions: "diagnosis=replica_missing", facts: map[string]string{"severity": "P1"}, asks: map[string][]string{"replica": {"none of replica1 is connected", "Do not end these sessions"}},
		silent: []string{"pick"}}.hold(t, n.hall, r)
	if code := s.ended(t); code != "" {
		t.Errorf("the commit ended with %q", code)
	}
}

// write makes so much WAL.
func (n *night) wal(t *testing.T, segments int) {
	t.Helper()
	for range segments {
		n.must(t, "update jobs set n = n + 1 where id = 2; select pg_switch_wal()")
	}
}

func pgSlot(t *testing.T, n *night) {
	n.must(t, "select pg_create_physical_replication_slot('old_replica', true)")
	n.wal(t, 3)
	args := []string{"--input", "wal_gib=0.02", "--answer", "which_slot.slot=old_replica", "--approve"}
	r := n.as("watch", "root").run(t, append(args, "drop_slot=another")...)
	if r.code == 0 || n.must(t, "select count(*) from pg_replication_slots") != "1" {
		t.Fatalf("the slot was dropped although its name was not typed: %d", r.code)
	}
	r = n.as("watch", "ender").run(t, append(args, "drop_slot=old_replica")...)
	want{outcome: "escalated", decisions: "diagnosis=slot_holds consumer=unused", summary: []string{"could not be dropped"}}.hold(t, n.hall, r)
	r = n.as("watch", "root").run(t, append(args, "drop_slot=old_replica")...)
	want{outcome: "mitigated", decisions: "diagnosis=slot_holds consumer=unused", facts: map[string]string{"severity": "P2"}, summary: []string{"old_replica is dropped"},
		asks: map[string][]string{"which_slot": {"old_replica (physical): unused, holds"}, "drop_slot": {"nothing brings it back"}}}.hold(t, n.hall, r)
	if n.must(t, "select count(*) from pg_replication_slots") != "0" {
		t.Error("the slot is there")
	}
}

func pgArchive(t *testing.T, n *night) {
	set := func(command string) {
		n.must(t, "alter system set archive_command = '"+command+"'")
		n.must(t, "select pg_reload_conf()")
		n.until(t, "current_setting('archive_command') = '"+command+"'")
	}
	failing := "last_failed_time > coalesce(last_archived_time, '-infinity') from pg_stat_archiver"
	set("/bin/false")
	n.wal(t, 1)
	n.until(t, failing)
	r := n.run(t, "--answer", "archive=could_not")
	want{outcome: "escalated", decisions: "diagnosis=archive_fails", facts: map[string]string{"severity": "P2"}, summary: []string{"WAL is not archived"}}.hold(t, n.hall, r)
	r = n.run(t)
	set("/bin/true")
	n.wal(t, 1)
	want{outcome: "resolved", decisions: "diagnosis=archive_fails", asks: map[string][]string{"archive": {"Never delete files of pg_wal"}}}.hold(t, n.hall, n.resume(t, r, "--answer", "archive=done"))
}

func pgMuchWAL(t *testing.T, n *night) {
	r := n.run(t, "--input", "wal_gib=0.01")
	want{outcome: "escalated", decisions: "diagnosis=much_wal", summary: []string{"neither a slot nor the archive"}}.hold(t, n.hall, r)
}

func pgBlind(t *testing.T, n *night) {
	want{outcome: "escalated", decisions: "contact=blind", summary: []string{"grant pg_monitor"}}.hold(t, n.hall, n.as("nothing", "").run(t))
}

func pgShutOut(t *testing.T, n *night) {
	n.must(t, "alter role narrow nologin")
	t.Cleanup(func() { n.must(t, "alter role narrow login") })
	want{outcome: "escalated", decisions: "contact=sees diagnosis=shut_out", facts: map[string]string{"severity": "P2"}, summary: []string{"not permitted to log in"}}.hold(t, n.hall, n.as("narrow", "ender").run(t))
}

func pgPassword(t *testing.T, n *night) {
	wrong := &night{n.cluster, n.hall, []string{strings.Replace(n.given("DATABASE_URL", "watch"), dbPassword, "another-word-0006", 1)}}
	want{outcome: "escalated", decisions: "contact=not_reached reach=credentials", summary: []string{"password authentication failed"}}.hold(t, n.hall, wrong.run(t))
}

func pgNobody(t *testing.T, n *night) {
	nobody := &night{n.cluster, n.hall, []string{"DATABASE_URL=postgres://watch:" + dbPassword + "@127.0.0.1:1/postgres"}}
	want{outcome: "escalated", decisions: "contact=not_reached reach=connection", facts: map[string]string{"severity": "P1"}, summary: []string{"connection refused"}}.hold(t, n.hall, nobody.run(t))
}

func pgOtherHost(t *testing.T, n *night) {
	other := &night{n.cluster, n.hall, []string{"DATABASE_URL=postgres://watch:" + dbPassword + "@db.example.net/postgres"}}
	want{outcome: "escalated", decisions: "contact=not_reached reach=other", summary: []string{"db.example.net"}}.hold(t, n.hall, other.run(t))
}
