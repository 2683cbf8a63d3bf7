# $(O)/model/driver: the engine's plan of a case, for compare.py, which holds
# it against the reference model.
$(O)/model/driver: $(addprefix $(O)/tests/model/,driver.o case.o case_facts.o \
	case_rules.o) $(O)/libpmg.a
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

# The same for the user lists, for compare_lists.py.
$(O)/model/lists_driver: $(O)/tests/model/lists_driver.o $(O)/libpmg.a
	@mkdir -p $(@D)
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

model: $(O)/model/driver $(O)/model/lists_driver

MODEL_CASES ?= 2000
LIST_CASES ?= 20000
model-check: $(O)/model/driver $(O)/model/lists_driver
	/usr/bin/python3 tests/model/check_model.py
	/usr/bin/python3 tests/model/compare.py -n $(MODEL_CASES) $<
	/usr/bin/python3 tests/model/compare_lists.py -n $(LIST_CASES) \
	    $(O)/model/lists_driver

.PHONY: model model-check
