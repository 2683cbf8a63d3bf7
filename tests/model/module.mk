# $(O)/model/driver: the engine's plan of a case, for compare.py, which holds
# it against the reference model.
$(O)/model/driver: $(O)/tests/model/driver.o $(O)/libpmg.a
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

model: $(O)/model/driver

MODEL_CASES ?= 2000
model-check: $(O)/model/driver
	/usr/bin/python3 tests/model/check_model.py
	/usr/bin/python3 tests/model/compare.py -n $(MODEL_CASES) $<

.PHONY: model model-check
