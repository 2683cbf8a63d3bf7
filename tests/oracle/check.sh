#!/bin/sh
# lib/mail against other parsers, as TAP. PMG_CORPUS: the folder with the mails
# (default: beside the tree).
cd "$(dirname "$0")/../.." || exit 1
O=${O:-build/asan}
corpus=${PMG_CORPUS:-../shared/corpus}
if ! [ -d "$corpus/mime" ] || ! [ -d "$corpus/ham" ]; then
    echo "1..0 # SKIP no corpus: set PMG_CORPUS"
    exit 0
fi
if ! make -s VARIANT=asan O="$O" oracle; then
    echo "not ok - the dump tool is built"
    exit 1
fi
bad=0
/usr/bin/python3 tests/oracle/compare.py "$corpus" "$O/oracle/dump" || bad=1
/usr/bin/python3 tests/oracle/differ.py "$corpus" "$O/oracle/dump" || bad=1
exit $bad
