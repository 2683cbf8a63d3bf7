# The one Makefile. Every folder with sources has a module.mk that adds to the
# lists below; objects, libraries and programs go to build/$(VARIANT)/.
#
#   make                build the release variant
#   make VARIANT=asan   ASan + UBSan;  VARIANT=fuzz: libFuzzer (clang);
#                       VARIANT=test: release with fault hooks
#   make run            a whole gateway on loopback, from a fresh Debian
#   make check          everything that proves it works (README, "Tests")
#   make help           all targets

VARIANT ?= release
O := build/$(VARIANT)
VERSION := $(shell head -n 1 debian/changelog | tr -d '()' | cut -d' ' -f2)

CC_release := gcc
CC_asan := gcc
CC_test := gcc
CC_fuzz := clang
ifeq ($(origin CC),default)
CC := $(CC_$(VARIANT))
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wvla -Wwrite-strings -Wundef
CFLAGS_release := -O2 -g
CFLAGS_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -DPMG_SANITIZED=1 -DPMG_TEST_HOOKS=1
# The release build with the hooks of the fault tests; never packaged.
CFLAGS_test := -O2 -g -DPMG_TEST_HOOKS=1
CFLAGS_fuzz := -O1 -g -fno-omit-frame-pointer \
	-fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=undefined -DPMG_SANITIZED=1
# CPPFLAGS, CFLAGS and LDFLAGS from the environment (dpkg-buildflags) come last.
ALL_CPPFLAGS = -D_GNU_SOURCE -DPMG_VERSION='"$(VERSION)"' -Ipmgd $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 $(WARN) $(WERROR) -fstack-protector-strong -fPIE \
	$(CFLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed \
	$(filter -fsanitize%,$(CFLAGS_$(VARIANT))) $(LDFLAGS)

# Quiet unless V=1.
Q := $(if $(V),,@)

all:

# What module.mk files add to:
#   LIB_SRCS   sources of libpmg.a
#   PROGS      program names; for each P: P_SRCS, P_PKGS (pkg-config names)
#   TESTS      unit test names (tests/unit/NAME.c); NAME_SRCS: further sources
LIB_SRCS :=
PROGS :=
TESTS :=
MANPAGES :=
include $(sort $(wildcard pmgd/lib/*/module.mk pmgd/*/module.mk \
	pmg-tools/module.mk tests/*/module.mk))

# Packages that libpmg.a as a whole may need; --as-needed keeps a program to
# the libraries that it uses.
LIB_PKGS := sqlite3 jansson libseccomp libsystemd libcrypto libhs
pkg_cflags = $(shell pkg-config --cflags $(1))
pkg_libs = $(shell pkg-config --libs $(1))
LIB_CFLAGS := $(call pkg_cflags,$(LIB_PKGS))
# libldap 2.4 has no pkg-config file.
LIB_LIBS := $(call pkg_libs,$(LIB_PKGS)) -lldap -llber

obj = $(patsubst %.c,$(O)/%.o,$(1))
LIB := $(O)/libpmg.a

$(LIB): $(call obj,$(LIB_SRCS))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/%.o: %.c | deps-built
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $<")
	$(Q)$(CC) $(ALL_CPPFLAGS) $(LIB_CFLAGS) $(ALL_CFLAGS) $(OBJ_CFLAGS) -MMD -MP -c -o $@ $<

define program
$(O)/bin/$(1): OBJ_CFLAGS = $$(call pkg_cflags,$$($(1)_PKGS))
$(O)/bin/$(1): $$(call obj,$$($(1)_SRCS)) $(LIB)
	@mkdir -p $$(@D)
	$(if $(V),,@echo "  LD $$@")
	$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ $$(call pkg_libs,$$($(1)_PKGS)) $$(LIB_LIBS)
endef
$(foreach p,$(PROGS),$(eval $(call program,$(p))))

define unittest
$(O)/tests/$(1): $(O)/tests/unit/$(1).o $$(call obj,$$($(1)_SRCS)) $(LIB)
	@mkdir -p $$(@D)
	$(if $(V),,@echo "  LD $$@")
	$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $$^ $$(call pkg_libs,cmocka $$($(1)_PKGS)) $$(LIB_LIBS)
endef
$(foreach t,$(TESTS),$(eval $(call unittest,$(t))))

all: $(addprefix $(O)/bin/,$(PROGS))
unit-tests: $(addprefix $(O)/tests/,$(TESTS))

# Build dependencies are installed once, by `make deps`; a build that lacks
# them says so instead of failing at the first #include.
deps-built:
	@pkg-config --exists $(LIB_PKGS) 2>/dev/null || { \
	    echo "missing build dependencies: run 'make deps' (as root)" >&2; exit 1; }

clean:
	rm -rf build/release build/asan build/test build/fuzz

.PHONY: all unit-tests deps-built clean
.DELETE_ON_ERROR:
-include $(shell find $(O) -name '*.d' 2>/dev/null)
