#!/bin/sh
# The rule engine against the reference model, as TAP. MODEL_CASES,
# LIST_CASES: how many.
cd "$(dirname "$0")/../.." || exit 1
if ! make -s VARIANT=release model; then
    echo "not ok - the driver is built"
    exit 1
fi
bad=0
/usr/bin/python3 tests/model/check_model.py || bad=1
/usr/bin/python3 tests/model/compare.py -n "${MODEL_CASES:-2000}" \
    build/release/model/driver || bad=1
/usr/bin/python3 tests/model/compare_lists.py -n "${LIST_CASES:-20000}" \
    build/release/model/lists_driver || bad=1
exit $bad
