//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the expected output of the scripts anew")

func TestMain(m *testing.M) {
	if os.Getenv("RUNBOOK_TEST_MAIN") != "" { // the documentation's examples call the program
		main()
	}
	testscript.Main(m, map[string]func(){
		"runbook": main,
		"argv":    printArgv,
	})
}

// printArgv is a program for scripts to start: it prints its words and its
// standard input as JSON.
func printArgv() {
	in, _ := io.ReadAll(os.Stdin) // nothing is as good as unreadable here
	out, err := json.Marshal(map[string]any{"argv": os.Args[1:], "stdin": string(in)})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(out))
}

// TestScripts runs the real binary, as a person or a machine would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("RUNBOOK_STATE", filepath.Join(e.WorkDir, "state"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("USER", "tester")
			e.Setenv("GORACE", hurried)
			e.Setenv("NO_PROXY", "*")
			library, err := filepath.Abs("../../runbooks")
			if err != nil {
				return err
			}
			e.Setenv("LIBRARY", library)
			server := httptest.NewServer(http.HandlerFunc(answer))
			e.Defer(server.Close)
			e.Setenv("SERVER", server.URL)
			e.Setenv("PORT", server.URL[strings.LastIndexByte(server.URL, ':')+1:])
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":     code,
			"jsonline": jsonLine,
			"replace":  replace,
			"absent":   absent,
			"signal":   signalled,
			"gone":     gone,
		},
	})
}

// condition knows [root], and [shell:NAME]: a shell that is missing skips its
// script; in CI it must be there.
func condition(cond string) (bool, error) {
	if cond == "root" {
		return os.Geteuid() == 0, nil
	}
	name, ok := strings.CutPrefix(cond, "shell:")
	if !ok {
		return false, fmt.Errorf("no condition %q", cond)
	}
	_, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "" {
		return false, fmt.Errorf("%s has to be installed in CI: %w", name, err)
	}
	return err == nil, nil
}

// answer is the server of the scripts: the path says the status, or, as /sum/HEX,
// how the hash of the credentials has to begin.
func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	status := http.StatusOK
	if _, err := fmt.Sscanf(strings.Trim(r.URL.Path, "/"), "%d", &status); err != nil {
		status = http.StatusOK
	}
	if want, ok := strings.CutPrefix(r.URL.Path, "/sum/"); ok {
		if got := sha256.Sum256([]byte(r.Header.Get("Authorization"))); !strings.HasPrefix(hex.EncodeToString(got[:]), want) {
			status = http.StatusUnauthorized
		}
	}
	if r.URL.Path == "/cookies" {
		w.Header()["Set-Cookie"] = []string{"session=s3ss10n-of-ada; Path=/; Expires=Wed, 21 Oct 2030 07:28:00 GMT", "csrf=c5rf"}
	}
	w.WriteHeader(status)
	if r.URL.Path == "/page/api/v2/summary.json" {
		fmt.Fprint(w, `{"status":{"indicator":"minor"},"components":[{"name":"API","status":"operational"},{"name":"Mail","status":"partial_outage"}],"incidents":[]}`)
		return
	}
	fmt.Fprintf(w, `{"method":%q,"authorization":%q,"status":%d}`, r.Method, r.Header.Get("Authorization"), status)
}

// code runs a command and holds its exit code: `code 3 runbook validate x`.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		var ok bool
		if got, ok = exitCode(err); !ok {
			ts.Fatalf("%v", err)
		}
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d, not %s", got, args[0])
	}
}

// signalled runs a command, sends it a signal once a file is there, and holds
// its exit code: `signal INT started 130 runbook run x`. INTx2 sends it twice.
func signalled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: signal NAME FILE N command...")
	}
	cmd := command(ts, args[3:])
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	ts.Check(cmd.Start())
	await(ts, args[1])
	name, twice := strings.CutSuffix(args[0], "x2")
	if name == "HUP" && signal.Ignored(syscall.SIGHUP) {
		name = "TERM" // under nohup, a hangup ends nothing: the program is right to go on
	}
	sig := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL, "QUIT": syscall.SIGQUIT}[name]
	ts.Check(cmd.Process.Signal(sig))
	if twice {
		time.Sleep(200 * time.Millisecond) // the first has been taken
		ts.Check(cmd.Process.Signal(sig))
	}
	_ = cmd.Wait() // the code says it
	ts.Logf("%s", out.String())
	if got := cmd.ProcessState.ExitCode(); fmt.Sprint(got) != args[2] {
		ts.Fatalf("exit code %d, not %s", got, args[2])
	}
	ts.Check(os.WriteFile(ts.MkAbs("output"), out.Bytes(), 0o600))
}

// command is a program found in the script's own PATH and run in its folder.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		name := filepath.Join(dir, args[0])
		if st, err := os.Stat(name); err == nil && !st.IsDir() {
			cmd := exec.Command(name, args[1:]...)
			cmd.Dir = ts.MkAbs(".")
			for _, v := range []string{"PATH", "HOME", "USER", "RUNBOOK_STATE", "TMPDIR"} {
				cmd.Env = append(cmd.Env, v+"="+ts.Getenv(v))
			}
			return cmd
		}
	}
	ts.Fatalf("no program %s", args[0])
	return nil
}

func await(ts *testscript.TestScript, file string) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(file)); err == nil {
			return
		}
	}
	ts.Fatalf("%s never came", file)
}

// gone holds that the process whose number a file holds is no longer there.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gone FILE")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(err)
	if err := syscall.Kill(pid, 0); err != nil {
		return
	}
	// One that is dead but not yet buried by whoever adopted it is gone as well.
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if _, rest, ok := strings.Cut(string(state), ") "); err == nil && ok && rest[0] == 'Z' {
		return
	}
	ts.Fatalf("process %d is still there: %s", pid, state)
}

func exitCode(err error) (int, bool) {
	e, ok := err.(interface{ ExitCode() int })
	if !ok {
		return 0, false
	}
	return e.ExitCode(), true
}

// jsonLine holds a JSON Lines stream: `jsonline stdout type=run.finished
// data.outcome=resolved` wants a line in which all paths have their values; with
// `!` none may.
func jsonLine(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: jsonline stdout|FILE path=value...")
	}
	found := false
	for i, line := range strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n") {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			ts.Fatalf("line %d is not JSON: %v\n%s", i+1, err, line)
		}
		found = found || fits(v, args[1:])
	}
	if found == neg {
		ts.Fatalf("a line with %s: found is %v", strings.Join(args[1:], " "), found)
	}
}

func fits(v any, wants []string) bool {
	for _, w := range wants {
		path, want, _ := strings.Cut(w, "=")
		got := v
		for _, name := range strings.Split(path, ".") {
			m, _ := got.(map[string]any)
			got = m[name]
		}
		if fmt.Sprint(got) != want {
			return false
		}
	}
	return true
}

// absent holds that a word stands in no file below a folder.
func absent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: absent WORD FOLDER")
	}
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		if data, err := os.ReadFile(name); err != nil || strings.Contains(string(data), args[0]) {
			return fmt.Errorf("%s holds %q (%v)", name, args[0], err)
		}
		return nil
	}))
	if files == 0 {
		ts.Fatalf("%s holds no file", args[1])
	}
}

// replace fills in an environment variable in a file: `replace FILE $SERVER`
// puts its value wherever the file says SERVER.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: replace FILE NAME...")
	}
	text := ts.ReadFile(args[0])
	for _, name := range args[1:] {
		text = strings.ReplaceAll(text, "@"+name+"@", ts.Getenv(name))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
