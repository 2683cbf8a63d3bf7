TESTS += $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
