# Each fuzz_NAME.c becomes $(O)/fuzz/NAME: with libFuzzer under VARIANT=fuzz,
# else with replay_main.c, which feeds it files (build/fuzz/fuzz/mime DIR, or
# build/asan/fuzz/mime tests/fuzz/corpus/mime). NAME_FUZZ_SRCS: more sources.
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

mime_FUZZ_SRCS := tests/fuzz/mime_invariants.c
test_mime_corpus_SRCS := tests/fuzz/mime_invariants.c

ifeq ($(VARIANT),fuzz)
FUZZ_MAIN :=
FUZZ_LINK := -fsanitize=fuzzer
else
FUZZ_MAIN := tests/fuzz/replay_main.c
FUZZ_LINK :=
endif

define fuzzer
$(O)/fuzz/$(1): $(patsubst %.c,$(O)/%.o,tests/fuzz/fuzz_$(1).c \
    $($(1)_FUZZ_SRCS) $(FUZZ_MAIN)) $(O)/libpmg.a
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
	    if out=$$($(O)/fuzz/$$f tests/fuzz/corpus/$$f 2>&1); then \
	        echo "ok $$n - $$f: $$out"; \
	    else \
	        echo "$$out"; echo "not ok $$n - $$f"; bad=1; \
	    fi; \
	done; exit $$bad

.PHONY: fuzzers fuzz-replay
