TESTS += $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
test_mime_evasion_PKGS := libarchive
