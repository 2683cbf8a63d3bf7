PROGS += pmgd-store
pmgd-store_SRCS := $(wildcard pmgd/store/*.c)
pmgd-store_PKGS := libsystemd libcrypto
MANPAGES += pmgd/store/pmgd-store.8

# The daemon without its main().
test_store_daemon_SRCS := $(filter-out pmgd/store/main.c,$(pmgd-store_SRCS))
