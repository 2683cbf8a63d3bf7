# Targets that install, run and check.

DEPS := sh tests/deps.sh

deps:
	@$(DEPS) build run check

# The rig builds what it needs itself: it tells of each slow step.
run:
	@$(DEPS) build run
	@/usr/bin/python3 -m tests.rig.run $(RUN_ARGS)

check:
	@$(DEPS) build run check
	@/usr/bin/python3 tests/check.py $(SUITES)

check-long:
	@$(DEPS) build run check
	@/usr/bin/python3 tests/check.py --long $(SUITES)

lint:
	@$(DEPS) build check
	@/usr/bin/python3 tests/lint.py

help:
	@echo 'make                build the release variant (VARIANT=asan, test, fuzz)'
	@echo 'make deps           install what building, running and checking need'
	@echo 'make run            a whole gateway on loopback: ports 2525 and 2526'
	@echo 'make check          every test suite (SUITES="unit system": only these)'
	@echo 'make check-long     the same with the full counts of the fault tests'
	@echo 'make lint           arrows, style, manual pages, shell scripts, cppcheck'
	@echo 'make unit-tests     build the unit tests; they are in build/VARIANT/tests'
	@echo 'make deb            Debian packages'
	@echo 'make bench          figures beside other filters'
	@echo 'make check-stretch  what can be proved for Debian 9'
	@echo 'make clean          remove what was built'

.PHONY: deps run check check-long lint help
