# Figures beside a peer: medians of interleaved runs (doc/BENCHMARK.md).
bench: all
	@tests/deps.sh tests/bench/deps.txt
	@PMG_BIN_DIR=$(CURDIR)/$(O)/bin python3 -m tests.bench.bench $(BENCH_ARGS)

.PHONY: bench
