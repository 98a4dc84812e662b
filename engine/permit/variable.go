package permit

import (
	"fmt"
	"slices"
	"strings"
)

// dangerous variables change what a permitted program does: what it loads, what it
// starts, where it finds that.
var dangerous = []string{"PATH", "BASH_ENV", "ENV", "IFS", "SHELLOPTS", "BASHOPTS", "PROMPT_COMMAND", "PS4", "PAGER", "GIT_PAGER", "MANPAGER", "AWS_PAGER", "SYSTEMD_PAGER", "LESSOPEN", "LESSCLOSE",
	"EDITOR", "VISUAL", "GIT_EDITOR", "KUBE_EDITOR", "BROWSER", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "SSH_ASKPASS", "SUDO_ASKPASS",
	"PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "NODE_OPTIONS", "NODE_PATH", "PERL5LIB", "PERL5OPT", "RUBYOPT", "RUBYLIB", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH",
	"RSYNC_RSH", "CVS_RSH", "SVN_SSH", "SVN_EDITOR", "HGEDITOR", "FCEDIT", "PSQL_PAGER", "PSQL_EDITOR", "GH_PAGER", "GH_EDITOR", "GH_BROWSER", "BAT_PAGER", "GIT_SEQUENCE_EDITOR", "GIT_PROXY_COMMAND", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR",
	"TAR_OPTIONS", "MAKEFLAGS", "PERL5DB", "PERLLIB", "PYTHONBREAKPOINT", "LUA_INIT", "PHPRC", "PHP_INI_SCAN_DIR", "DOTNET_STARTUP_HOOKS", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "GLIBC_TUNABLES", "ZDOTDIR", "GCONV_PATH", "LOCPATH", "NIX_PATH",
	"SHELL", "KUBECTL_EXTERNAL_DIFF", "SYSTEMD_EDITOR", "SUDO_EDITOR", "BASH_LOADABLES_PATH", "LESSKEY", "VIMINIT", "EXINIT", "PYTHONUSERBASE", "PYTHONWARNINGS", "LUA_PATH", "LUA_CPATH", "GOFLAGS", "RUSTC_WRAPPER",
	"MAVEN_OPTS", "GRADLE_OPTS", "ERL_FLAGS", "ERL_AFLAGS", "ERL_ZFLAGS", "WGETRC", "HELM_PLUGINS", "DOCKER_CLI_PLUGIN_EXTRA_DIRS", "TF_CLI_CONFIG_FILE", "LESS", "MORE", "MANOPT"}

// Dangerous reports whether a variable of the environment changes what a permitted
// program does.
func Dangerous(name string) bool {
	return strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "DYLD_") || strings.HasPrefix(name, "GIT_CONFIG") || strings.HasPrefix(name, "BASH_FUNC_") || slices.Contains(dangerous, name)
}

// Variable decides about a variable that is set for programs.
func (s Set) Variable(name string) Decision {
	if !Dangerous(name) {
		return Decision{OK: true}
	}
	if s.Policy != nil && s.Env == nil || slices.Contains(s.Env, name) {
		return s.andWithin(Decision{OK: true, Entry: name}, func(o Set) Decision { return o.Variable(name) })
	}
	d := Decision{Suggest: name, Reason: fmt.Sprintf("the variable `%s` changes what a permitted program does, and no entry of `permissions.env` permits it", name)}
	if s.Policy != nil {
		return s.Policy.narrowed("env", d)
	}
	return d
}
