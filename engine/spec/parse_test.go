package spec_test

import (
	"regexp"
	"testing"

	"runbook/engine/spec"
)

// TestPatterns: what a schema says with a pattern is what is parsed.
func TestPatterns(t *testing.T) {
	duration, size := regexp.MustCompile(spec.DurationPattern), regexp.MustCompile(spec.SizePattern)
	for _, s := range []string{"", "0", "5", "5s", "1h30m", "1.5h", ".5s", "5.s", ".s", "-5s", "-0s", "+5s", "+0", "+", "5 s", " 5s", "5s ", "5S", "1d", "100us", "100µs", "100μs", "3ns", "1h-5m", "1e3s", "0x5s", "5m5", "ms", "٣s"} {
		if _, err := spec.ParseDuration(s); (err == nil) != duration.MatchString(s) {
			t.Errorf("duration %q: %v, pattern %v", s, err, duration.MatchString(s))
		}
	}
	for _, s := range []string{"", "0", "512", "64KiB", "64 KiB", "64  KiB", "10MB", "10mb", "1.5GiB", "1.GiB", ".5MB", "5B", "5kB", "5KB", "-5", "+5", "inf", "nan", "1e3", "0x10", "1_000", " 5", "5 ", "KiB", "5TB"} {
		if _, err := spec.ParseSize(s); (err == nil) != size.MatchString(s) {
			t.Errorf("size %q: %v, pattern %v", s, err, size.MatchString(s))
		}
	}
	for s, want := range map[string]int64{"512": 512, "64KiB": 64 << 10, "64 KiB": 64 << 10, "10MB": 1e7, "1.5kB": 1500, "3B": 3} {
		if n, err := spec.ParseSize(s); err != nil || n != want {
			t.Errorf("%q is %d, %v", s, n, err)
		}
	}
	if _, err := spec.ParseSize("2000000GiB"); err == nil {
		t.Error("a size beyond all bounds is accepted")
	}
}
