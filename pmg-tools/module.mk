# One folder for each thing that is administered; pmg.c leads to their commands.
# Templates go to /usr/share/pmg/templates, programs to /usr/bin (pmg) and
# /usr/sbin.
PROGS += pmgconfig pmg pmgdb pmgqm
pmgconfig_SRCS := $(wildcard pmg-tools/config/*.c)
pmgconfig_PKGS := jansson
# Commands about rules: what pmg and pmgdb share.
rules_tool_SRCS := $(wildcard pmg-tools/rules/rules_*.c) \
	pmg-tools/rules/pmg_rules_diff.c pmg-tools/rules/pmg_rules_version.c
pmg_SRCS := $(sort $(wildcard pmg-tools/*.c pmg-tools/rules/pmg_*.c \
	pmg-tools/ldap/*.c pmg-tools/list/*.c) $(rules_tool_SRCS))
pmg_PKGS := jansson
pmgdb_SRCS := pmg-tools/rules/pmgdb.c $(rules_tool_SRCS)
pmgdb_PKGS := jansson
pmgqm_SRCS := $(wildcard pmg-tools/quarantine/*.c)
pmgqm_PKGS := jansson
MANPAGES += $(wildcard pmg-tools/*.[58] pmg-tools/*/*.[58])

# Unit tests of the tools' own parts.
test_pmgconfig_SRCS := $(filter-out %/pmgconfig.c,$(pmgconfig_SRCS))
test_pmgconfig_PKGS := jansson
