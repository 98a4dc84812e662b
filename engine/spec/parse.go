package spec

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// IdentPattern is what an Ident may be.
const IdentPattern = `^[a-zA-Z][a-zA-Z0-9_-]{0,63}$`

// DurationPattern is how a duration is written; ParseDuration bounds its length
// besides.
const DurationPattern = `^\+?(?:0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)$`

// SizePattern is how a size is written; ParseSize bounds it besides.
const SizePattern = `^[0-9]+(?:\.[0-9]+)? ?(?:B|kB|KB|MB|GB|KiB|MiB|GiB)?$`

// MaxSize is the largest size.
const MaxSize = 1 << 50

var size = regexp.MustCompile(SizePattern)

var ident = regexp.MustCompile(IdentPattern)

// IsIdent reports whether a word can be a name.
func IsIdent(s string) bool { return ident.MatchString(s) }

// ParseDuration reads a duration such as 90s, 5m or 1h30m. Negative ones and
// those of more than a year are refused: each is a slip of the pen.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		if _, e := strconv.ParseFloat(s, 64); e == nil {
			return 0, fmt.Errorf("%q has no unit: write %ss, %sm or %sh", s, s, s, s)
		}
		return 0, fmt.Errorf("%q is not a duration: write one such as 90s, 5m or 1h30m", short(s))
	}
	if strings.HasPrefix(s, "-") || d > 366*24*time.Hour {
		return 0, fmt.Errorf("%q is out of range: from 0s to a year (8784h)", short(s))
	}
	return d, nil
}

var units = []struct {
	suffix string
	bytes  float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}

// ParseSize reads a number of bytes such as 512, 64KiB or 10MB.
func ParseSize(s string) (int64, error) {
	for _, u := range units {
		n, ok := strings.CutSuffix(s, u.suffix)
		if !ok || !size.MatchString(s) {
			continue
		}
		x, err := strconv.ParseFloat(strings.TrimSuffix(n, " "), 64)
		if err != nil || x*u.bytes > MaxSize {
			break
		}
		return int64(x * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is not a size: write one such as 512, 64KiB or 10MB", short(s))
}

// short keeps a value from filling a message.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
