package guard

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticks is how many clock ticks a second has in /proc: the same on every system
// that Go runs on.
const ticks = 100

// groupRuns looks through /proc for what is left of a group. A zombie has ended.
func groupRuns(p Process) bool {
	boot, ok := bootTime()
	folders, err := os.ReadDir("/proc")
	if err != nil || !ok || p.Started.Before(boot.Add(-slack)) {
		return false // the system began anew since, or says nothing
	}
	others := false
	for _, f := range folders {
		pid, err := strconv.Atoi(f.Name())
		if err != nil {
			continue
		}
		st, ok := statOf(pid)
		if !ok || st.group != p.Group {
			continue
		}
		began := boot.Add(st.began)
		if pid == p.PID && !same(p, began) {
			return false // the number was given to another process
		}
		others = others || st.runs && began.After(p.Started.Add(-slack))
	}
	return others
}

// stat is what /proc/PID/stat says of a process; began counts from the system's
// start.
type stat struct {
	runs  bool
	group int
	began time.Duration
}

func statOf(pid int) (stat, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	end := bytes.LastIndexByte(data, ')') // a name may hold anything
	if err != nil || end < 0 {
		return stat{}, false
	}
	f := strings.Fields(string(data[end+1:]))
	if len(f) < 20 {
		return stat{}, false
	}
	group, _ := strconv.Atoi(f[2])
	began, err := strconv.ParseInt(f[19], 10, 64)
	return stat{runs: f[0] != "Z" && f[0] != "X", group: group, began: time.Duration(began) * time.Second / ticks}, err == nil
}

// bootTime is when the system began.
func bootTime() (time.Time, bool) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, false
	}
	for _, line := range strings.Split(string(data), "\n") {
		if text, ok := strings.CutPrefix(line, "btime "); ok {
			s, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			return time.Unix(s, 0), err == nil
		}
	}
	return time.Time{}, false
}
