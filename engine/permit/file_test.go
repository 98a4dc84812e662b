package permit

import "testing"

func TestFile(t *testing.T) {
	s := Set{Read: []string{"/var/log", "/etc/app/*.conf", "state", "/srv/one.txt"}, Write: []string{"/tmp/out"}}
	for _, c := range []struct {
		path, dir string
		write     bool
		want      Verdict
	}{
		{"/var/log", "", false, Yes}, {"/var/log/a/b", "", false, Yes}, {"/var/log/../x", "/w", false, No}, {"/var/logs", "/w", false, No},
		{"/etc/app/a.conf", "", false, Yes}, {"/etc/app/b/a.conf", "/w", false, No}, {"/etc/app/a.txt", "/w", false, No}, {"/srv/one.txt", "", false, Yes},
		{"state/x", "", false, Yes}, {"state/../other", "", false, Unknown}, {"/etc/passwd", "", false, Unknown}, {"/etc/passwd", "/w", false, No},
		{"/w/state/x", "/w", false, Yes}, {"log", "/var/log", false, Yes}, {"/var/log/a", "", true, No}, {"/tmp/out/x", "", true, Yes},
	} {
		if got := s.File(c.path, c.dir, c.write); got != c.want {
			t.Errorf("%s in %q: %v, want %v", c.path, c.dir, got, c.want)
		}
	}
	if (Set{}).File("/x", "", false) != No {
		t.Error("what is not listed was permitted")
	}
}
