# Templates go to /usr/share/pmg/templates, programs to /usr/bin (pmg) and
# /usr/sbin.
PROGS += pmgconfig pmg pmgdb
pmgconfig_SRCS := $(addprefix pmg-tools/, pmgconfig.c sync.c service.c vars.c \
	site.c version.c hostinfo.c run.c)
pmgconfig_PKGS := jansson
# Commands about rules: what pmg and pmgdb share.
rules_tool_SRCS := $(wildcard pmg-tools/rules_*.c) pmg-tools/pmg_rules_diff.c \
	pmg-tools/pmg_rules_version.c
pmg_SRCS := $(sort $(wildcard pmg-tools/pmg_*.c) $(rules_tool_SRCS)) \
	pmg-tools/pmg.c pmg-tools/ldap_state.c
pmg_PKGS := jansson
pmgdb_SRCS := pmg-tools/pmgdb.c $(rules_tool_SRCS)
pmgdb_PKGS := jansson
MANPAGES += pmg-tools/pmgconfig.8 pmg-tools/pmg.8 pmg-tools/pmg-rules.8 \
	pmg-tools/pmgdb.8 pmg-tools/pmg.conf.5 pmg-tools/pmg-ldap.8 \
	pmg-tools/pmg-ldap.conf.5 pmg-tools/pmg-list.8

# Unit tests of the tools' own parts.
test_pmgconfig_SRCS := $(addprefix pmg-tools/, sync.c service.c vars.c site.c \
	version.c hostinfo.c run.c)
test_pmgconfig_PKGS := jansson
