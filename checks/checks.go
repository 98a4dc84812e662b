// Package checks lists the kinds that the program has, one folder each.
package checks

import (
	"runbook/checks/dns"
	"runbook/checks/file"
	"runbook/checks/http"
	"runbook/checks/prometheus"
	"runbook/checks/shell"
	"runbook/checks/sql"
	"runbook/checks/statuspage"
	"runbook/checks/tcp"
	"runbook/checks/tls"
	"runbook/engine/kind/exec"
)

// All are the kinds, in the order in which the reference names them.
func All() []exec.Kind {
	return []exec.Kind{
		http.New(),
		shell.New(),
		sql.New(),
		prometheus.New(),
		dns.New(),
		tcp.New(),
		tls.New(),
		file.New(),
		statuspage.New(),
	}
}
