package tcp

import (
	"net"
	"strings"
	"time"

	"runbook/engine/kind"
	"runbook/engine/types"
)

// stub answers from a scenario.
var stub = &kind.Stub{
	On: "the host and the port, as host:port", Example: `"db.example.com:5432"`,
	Line: func(o map[string]any) string {
		return net.JoinHostPort(strings.ToLower(types.Format(o["host"])), types.Format(o["port"]))
	},
	Complete: complete,
}

// complete makes a connection of a reply that does not say otherwise. Who is not
// connected was refused: there is no other way for it to be so.
func complete(c kind.StubCall, r map[string]any) string {
	kind.Default(r, "connected", true)
	if r["connected"] == false {
		return "connect"
	}
	said, _ := r["received"].(string)
	if banner, _ := r["banner"].(string); banner != "" && said == "" {
		said = banner + "\r\n"
	}
	kind.Default(r, "received", said)
	if d, ok := c.Options["banner"].(time.Duration); ok && d > 0 {
		first, _, _ := strings.Cut(said, "\n")
		kind.Default(r, "banner", strings.TrimSuffix(first, "\r"))
	}
	return ""
}
