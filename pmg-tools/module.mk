# Templates go to /usr/share/pmg/templates, programs to /usr/bin (pmg) and
# /usr/sbin.
PROGS += pmgconfig pmg
pmgconfig_SRCS := $(addprefix pmg-tools/, pmgconfig.c sync.c service.c vars.c \
	site.c version.c hostinfo.c run.c)
pmgconfig_PKGS := jansson
pmg_SRCS := $(addprefix pmg-tools/, pmg.c pmg_status.c pmg_why.c ldap_state.c) \
	$(wildcard pmg-tools/pmg_ldap*.c pmg-tools/pmg_list*.c)
pmg_PKGS := jansson
MANPAGES += pmg-tools/pmgconfig.8 pmg-tools/pmg.8 pmg-tools/pmg.conf.5 \
	pmg-tools/pmg-ldap.8 pmg-tools/pmg-ldap.conf.5 pmg-tools/pmg-list.8

ifneq ($(wildcard pmg-tools/pmg_rules.c),)
pmg_SRCS += $(wildcard pmg-tools/pmg_rules*.c)
$(O)/pmg-tools/pmg.o: CPPFLAGS += -DPMG_HAVE_RULES=1
endif

# Unit tests of the tools' own parts.
test_pmgconfig_SRCS := $(addprefix pmg-tools/, sync.c service.c vars.c site.c \
	version.c hostinfo.c run.c)
test_pmgconfig_PKGS := jansson
