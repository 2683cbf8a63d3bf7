# $(O)/oracle/dump: what lib/mail reads in a message, as JSON; compare.py holds
# it against other parsers.
$(O)/oracle/dump: $(O)/tests/oracle/dump.o $(O)/libpmg.a
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

oracle: $(O)/oracle/dump

.PHONY: oracle
