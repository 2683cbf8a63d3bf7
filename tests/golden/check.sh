#!/bin/sh
# Golden files: what the shipped rules say about a mail, as people read it.
# rules/NAME.eml with the arguments in NAME.args gives NAME.ref; show.ref is the
# rule set itself. After a wanted change: check.sh --update, and read the diff.
set -u
cd "$(dirname "$0")/../.." || exit 1
bins=${PMG_BIN_DIR:-build/asan/bin}
update=${1:-}
root=$(mktemp -d) || exit 1
store=
finish() {
	[ -z "$store" ] || kill "$store" 2>/dev/null
	[ -z "$store" ] || wait "$store" 2>/dev/null
	rm -rf "$root"
}
trap finish EXIT
mkdir -p "$root/etc/pmg" "$root/run/pmg/store" "$root/var/lib/pmg/rules" \
    "$root/var/lib/pmg/store" "$root/var/spool/pmg/quarantine"

# pmgd-store writes the shipped rules at its first start, then the user lists.
"$bins/pmgd-store" -f --root "$root" 2>"$root/log" &
store=$!
n=0
until { [ -s "$root/var/lib/pmg/rules/rules.active" ] &&
    [ -s "$root/var/lib/pmg/rules/lists.active" ]; } || [ $n -ge 300 ]; do
	kill -0 "$store" 2>/dev/null || break
	sleep 0.1
	n=$((n + 1))
done

count=0
compare() {	# NAME REF COMMAND...: its output against the file
	name=$1 ref=$2
	shift 2
	count=$((count + 1))
	"$@" >"$root/out" 2>&1
	[ "$update" != --update ] || cp "$root/out" "$ref"
	if diff -u "$ref" "$root/out" >"$root/diff" 2>&1; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' "$root/diff" "$root/log"
	fi
}

compare "rules show" tests/golden/rules/show.ref \
    "$bins/pmg" --root "$root" rules show
for eml in tests/golden/rules/*.eml; do
	base=${eml%.eml}
	# shellcheck disable=SC2046 # the arguments are words
	compare "rules test ${base##*/}" "$base.ref" "$bins/pmg" --root "$root" \
	    rules test "$eml" --at 12:00 $(cat "$base.args")
done
echo "1..$count"
