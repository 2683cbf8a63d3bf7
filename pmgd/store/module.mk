PROGS += pmgd-store pmgqm
pmgd-store_SRCS := $(wildcard pmgd/store/*.c)
pmgd-store_PKGS := libsystemd libcrypto
pmgqm_SRCS := pmg-tools/pmgqm.c pmg-tools/pmgqm_print.c
pmgqm_PKGS := jansson
MANPAGES += pmgd/store/pmgd-store.8 pmg-tools/pmgqm.8

# The daemon without its main().
test_store_daemon_SRCS := $(filter-out pmgd/store/main.c,$(pmgd-store_SRCS))
