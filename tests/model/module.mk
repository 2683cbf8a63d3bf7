# $(O)/model/driver: the engine's plan of a case, for compare.py, which holds
# it against the reference model.
$(O)/model/driver: $(O)/tests/model/driver.o $(O)/libpmg.a
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

model: $(O)/model/driver

.PHONY: model
