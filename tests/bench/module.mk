# Figures beside a peer: medians of interleaved runs (doc/BENCHMARK.md).
bench: all
	@tests/deps.sh tests/bench/deps.txt
	@PMG_BIN_DIR=$(CURDIR)/$(O)/bin python3 -m tests.bench.bench $(BENCH_ARGS)
	@$(MAKE) -s bench-parse
	@$(MAKE) -s bench-rules

# Parsers only. GMime's is built where its library is.
BENCH_GMIME := $(shell pkg-config --exists gmime-3.0 2>/dev/null && echo yes)
PARSERS := $(O)/bench/parse $(if $(BENCH_GMIME),$(O)/bench/parse_gmime)

$(O)/bench/parse: $(O)/tests/bench/parse.o $(O)/libpmg.a
	@mkdir -p $(@D)
	$(if $(V),,@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(O)/bench/parse_gmime: tests/bench/parse_gmime.c
	@mkdir -p $(@D)
	$(if $(V),,@)$(CC) $(ALL_CPPFLAGS) $(call pkg_cflags,gmime-3.0) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(call pkg_libs,gmime-3.0)

bench-parse: $(PARSERS)
	@python3 -m tests.bench.parse --build $(CURDIR)/$(O) $(PARSE_ARGS)

$(O)/bench/rules: $(O)/tests/bench/rules.o $(O)/libpmg.a
	@mkdir -p $(@D)
	$(if $(V),,@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

bench-rules: $(O)/bench/rules
	@python3 -m tests.bench.rules $(CURDIR)/$(O)/bench/rules $(RULES_ARGS)

.PHONY: bench bench-parse bench-rules
