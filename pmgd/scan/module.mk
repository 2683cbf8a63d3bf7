PROGS += pmgd-scan
pmgd-scan_SRCS := $(wildcard pmgd/scan/*.c)
pmgd-scan_PKGS := libclamav libsystemd libarchive
MANPAGES += pmgd/scan/pmgd-scan.8

# The archive walker, for what has no other part of pmgd-scan in it.
WALK_SRCS := $(wildcard pmgd/scan/walk*.c)
test_walk_SRCS := $(WALK_SRCS)
test_walk_PKGS := libarchive
test_walk_hostile_SRCS := $(WALK_SRCS)
test_walk_hostile_PKGS := libarchive
test_encrypted_SRCS := $(WALK_SRCS)
test_encrypted_PKGS := libarchive
walk_FUZZ_SRCS := $(WALK_SRCS)
$(O)/fuzz/walk: LIB_LIBS += $(call pkg_libs,libarchive)
