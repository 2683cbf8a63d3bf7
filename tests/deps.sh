#!/bin/sh
# deps.sh GROUP... [FILE...]: installs what is missing of these groups of
# deps.txt and of files with one package a line, and creates the users that
# the daemons run as. Quick when nothing is missing.
set -eu
here=$(dirname "$0")
[ $# -gt 0 ] || set -- build run check

wanted=
for arg; do
	if [ -f "$arg" ]; then
		wanted="$wanted $(sed 's/#.*//' "$arg")"
		set -- build run
	fi
done
groups=$(printf '%s|' "$@" | sed 's/|$//')
wanted="$wanted $(awk -v g="^($groups)\$" '$1 ~ g { print $2 }' \
    "$here/deps.txt")"
# shellcheck disable=SC2086  # a list of package names
have=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null |
    awk '/^ii/ { print $2 }' | sort -u)
missing=
for p in $wanted; do
	printf '%s\n' "$have" | grep -qx "$p" || missing="$missing $p"
done

need_user=
for u in pmgd pmg-scan pmg-store pmg-spamd pmg-ldap; do
	getent passwd "$u" >/dev/null || need_user="$need_user $u"
done
getent group pmg >/dev/null || need_user="$need_user group:pmg"
for u in pmgd pmg-store; do
	id -nG "$u" 2>/dev/null | tr ' ' '\n' | grep -qx postdrop ||
	    need_user="$need_user $u:postdrop"
done
[ -n "$missing$need_user" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "missing:$missing$need_user; run this as root" >&2
	exit 1
fi

if [ -n "$missing" ]; then
	echo "installing:$missing"
	# Nothing that we install shall start by itself: the rig runs its own.
	policy=
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		trap 'rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086
	if ! { apt-get update -q && apt-get install -q -y \
	    --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		echo "installing packages failed; the whole output: $log" >&2
		exit 1
	fi
	rm -f "$log"
fi

getent group pmg >/dev/null || groupadd --system pmg
for u in pmgd pmg-scan pmg-store pmg-spamd pmg-ldap; do
	getent passwd "$u" >/dev/null || useradd --system --user-group \
	    --home-dir /nonexistent --no-create-home \
	    --shell /usr/sbin/nologin --comment "mail gateway" "$u"
done
# As the packages do it (debian/sysusers.d); postdrop, which their units add,
# lets a daemon reach Postfix's sockets.
for u in pmgd pmg-scan pmg-store pmg-spamd; do
	usermod -a -G pmg "$u"
done
for u in pmgd pmg-store; do
	usermod -a -G postdrop "$u"
done
