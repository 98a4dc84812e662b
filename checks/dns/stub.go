package dns

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/engine/kind"
	"runbook/engine/types"
)

// stub answers from a scenario.
var stub = &kind.Stub{
	On: "the type of the question and the name, in small letters without a dot at the end", Example: "A www.example.com",
	Line: func(o map[string]any) string {
		return asked(o) + " " + strings.TrimSuffix(strings.ToLower(types.Format(o["name"])), ".")
	},
	Complete: complete,
	Patience: patience,
}

func asked(o map[string]any) string {
	if s := types.Format(o["type"]); s != "" {
		return s
	}
	return "A"
}

// elsewhere stands for the system's name server, at an address that nobody has.
const elsewhere = "192.0.2.53:53"

func complete(c kind.StubCall, r map[string]any) string {
	kind.Default(r, "status", "NOERROR")
	kind.Default(r, "answers", []any{})
	kind.Default(r, "authoritative", false)
	if list, ok := r["answers"].([]any); ok {
		list = slices.Clone(list)
		slices.SortFunc(list, order)
		r["answers"] = list
		if len(list) > 0 {
			kind.Default(r, "ttl", 5*time.Minute)
			kind.Default(r, "canonical", canonical(c.Options))
		}
	}
	from := elsewhere
	if host, port, err := server(types.Format(c.Options["resolver"])); err == nil {
		from = net.JoinHostPort(host, strconv.Itoa(port))
	}
	kind.Default(r, "server", from)
	return ""
}

func canonical(o map[string]any) string {
	name, err := question(types.Format(o["name"]), asked(o))
	if err != nil {
		return ""
	}
	return bare(name)
}
