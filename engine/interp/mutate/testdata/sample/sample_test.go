package sample

import "testing"

func TestGrade(t *testing.T) {
	for _, c := range []struct {
		n      int
		strict bool
		want   string
	}{{100, true, "good"}, {95, true, "fair"}, {90, false, "good"}, {89, false, "fair"}, {1, false, "fair"}, {0, false, "none"}} {
		if got := Grade(c.n, c.strict); got != c.want {
			t.Errorf("%d %v: %s", c.n, c.strict, got)
		}
	}
}

func TestCount(t *testing.T) {
	for n := range 3 {
		if got := Count(n); len(got) != n || n > 1 && got[1] != 1 {
			t.Errorf("%d: %v", n, got)
		}
	}
}
