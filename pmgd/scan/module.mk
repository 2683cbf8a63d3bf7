PROGS += pmgd-scan
pmgd-scan_SRCS := $(wildcard pmgd/scan/*.c)
pmgd-scan_PKGS := libclamav libsystemd
MANPAGES += pmgd/scan/pmgd-scan.8
