# Each fuzz_NAME.c becomes $(O)/fuzz/NAME: with libFuzzer under VARIANT=fuzz,
# else with replay_main.c, which feeds it files (build/fuzz/fuzz/mime DIR, or
# build/asan/fuzz/mime tests/fuzz/corpus/mime). NAME_FUZZ_SRCS: more sources.
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

mime_FUZZ_SRCS := tests/fuzz/mime_invariants.c
spamd_FUZZ_SRCS := pmgd/filter/score_spamd.c
event_FUZZ_SRCS := tests/fuzz/scratch.c
config_FUZZ_SRCS := tests/fuzz/scratch.c
# All of the filter but its main().
session_FUZZ_SRCS = tests/fuzz/scratch.c \
	$(filter-out pmgd/filter/main.c,$(pmgd_SRCS))
test_mime_corpus_SRCS := tests/fuzz/mime_invariants.c

ifeq ($(VARIANT),fuzz)
FUZZ_MAIN :=
FUZZ_LINK := -fsanitize=fuzzer
# libFuzzer goes on for ever otherwise.
REPLAY_ARGS := -runs=0
else
FUZZ_MAIN := tests/fuzz/replay_main.c
FUZZ_LINK :=
REPLAY_ARGS :=
endif

fuzz_objs = $(patsubst %.c,$(O)/%.o,tests/fuzz/fuzz_$(1).c \
	$($(1)_FUZZ_SRCS) $(FUZZ_MAIN))

define fuzzer
$(O)/fuzz/$(1): $(call fuzz_objs,$(1)) $(O)/libpmg.a
	@mkdir -p $$(@D)
	$$(if $$(V),,@echo "  LD $$@")
	$$(if $$(V),,@)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) $$(FUZZ_LINK) -o $$@ $$^ $$(LIB_LIBS)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))

fuzzers: $(addprefix $(O)/fuzz/,$(FUZZERS))

# Every seed, and every input that once broke something, through its target;
# TAP for tests/check.py.
fuzz-replay: fuzzers
	@n=0; bad=0; echo 1..$(words $(FUZZERS)); \
	for f in $(FUZZERS); do \
	    n=$$((n + 1)); \
	    if out=$$($(O)/fuzz/$$f $(REPLAY_ARGS) tests/fuzz/corpus/$$f 2>&1); then \
	        echo "ok $$n - $$f: $$(echo "$$out" | tail -n 1)"; \
	    else \
	        echo "$$out"; echo "not ok $$n - $$f"; bad=1; \
	    fi; \
	done; exit $$bad

# Long ones (doc/CONTRIBUTING.md, "Fuzzing"); FUZZ_TARGETS: only these.
FUZZ_MINUTES ?= 30
FUZZ_TARGETS ?=
fuzz:
	@$(MAKE) -s VARIANT=fuzz fuzzers
	@/usr/bin/python3 tests/fuzz/fuzz.py run --minutes $(FUZZ_MINUTES) $(FUZZ_TARGETS)

fuzz-merge:
	@$(MAKE) -s VARIANT=fuzz fuzzers
	@/usr/bin/python3 tests/fuzz/fuzz.py merge $(FUZZ_TARGETS)

fuzz-coverage:
	@/usr/bin/python3 tests/fuzz/coverage.py

# Each mutant of tests/fuzz/planted.py until its target finds it.
PLANTED_MINUTES ?= 5
fuzz-planted:
	@$(MAKE) -s VARIANT=fuzz fuzzers
	@/usr/bin/python3 tests/fuzz/planted.py --minutes $(PLANTED_MINUTES) $(FUZZ_TARGETS)

# For planted.py: how objects and targets of this variant are made.
fuzz-commands:
	@echo 'compile: $(CC) $(ALL_CPPFLAGS) $(LIB_CFLAGS) $(ALL_CFLAGS)'
	@echo 'link: $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(FUZZ_LINK)'
	@echo 'libs: $(O)/libpmg.a $(LIB_LIBS)'
	@$(foreach f,$(FUZZERS),echo '$(f): $(call fuzz_objs,$(f))';)

.PHONY: fuzzers fuzz-replay fuzz fuzz-merge fuzz-coverage fuzz-planted \
	fuzz-commands
