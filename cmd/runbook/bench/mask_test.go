package bench

import (
	"strings"
	"testing"

	"runbook/engine/secret"
)

// masked is how many bytes are masked at a time, as a program's output.
const masked = 1 << 20

// BenchmarkMask is the masking of output without a secret in it, every form of
// five secrets looked for, beside looking for one of them as it is: the least that
// any search for it can do. The lines are plain, or JSON with escapes, which are
// undone to look behind them.
func BenchmarkMask(b *testing.B) {
	secrets := []string{"pat-na1-4f6d2a9c-8b1e-47d3-9c55-0e2f7a6b1d88", "xoxb-2048-9f8e7d6c5b4a", "hunter2-hunter2", "https://hooks.slack.com/services/T0AB/B0CD/Zq81kVm2PxW7yT4u", "glpat-Zx81kVm2PxW7yT4uQ"}
	for name, line := range map[string]string{
		"plain":   "2026-11-30T23:14:05Z INFO  an ordinary line of a program's output, with nothing in it\n",
		"escapes": `{"level":"info","msg":"GET \/v1\/ping?q=a%20b \"ok\" &amp; done","took":12,"host":"api-7d9c5b4f8-x2x9k"}` + "\n",
	} {
		b.Run(name, func(b *testing.B) {
			m := secret.NewMasker()
			for _, s := range secrets {
				if err := m.Add("tok", s); err != nil {
					b.Fatal(err)
				}
			}
			text := strings.Repeat(line, masked/len(line))
			pair(b, 50, "MB", float64(len(text))/1e6, func() {
				if m.MaskString(text) != text {
					b.Fatal("a secret was found")
				}
			}, func() {
				if strings.Contains(text, secrets[0]) {
					b.Fatal("a secret was found")
				}
			})
		})
	}
}
