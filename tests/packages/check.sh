#!/bin/bash
# The packages as an administrator meets them: built, installed, used, upgraded,
# removed and purged in a container. TAP on stdout; logs in build/packages/.
#
# Functions are called by name through try; lists are split on purpose.
# shellcheck disable=SC2317,SC2086,SC2016
set -u
cd "$(dirname "$0")/../.." || exit
work=$PWD/build/packages
here=$PWD/tests/packages
root=$work/root
chroot_root=$work/chroot
# shellcheck source=tests/packages/container.sh
. "$here/container.sh"
# shellcheck source=tests/packages/features.sh
. "$here/features.sh"

UNITS="pmgd.service pmgd-store.service pmgd-scan.service pmg-spamd.service"
SOCKETS="pmgd-in.socket pmgd-out.socket pmgd-control.socket pmgd-store.socket"
SOCKETS+=" pmgd-store-admin.socket pmgd-scan.socket"
TIMERS="pmg-ldap.timer"
PACKAGES="pmg pmgd pmgd-scan pmg-tools"
SINK_PORT=25
DELIVERY_SECONDS=90
LOAD_MAILS=150
LOAD_PER_SECOND=5

points=0
point() {	# point STATUS NAME
	points=$((points + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $points - $2"
	else
		echo "not ok $points - $2"
		FAILED=1
	fi
}
FAILED=0

# try NAME CMD...: one test, its output in a log that is shown when it fails.
try() {
	local name=$1 status

	shift
	"$@" >"$work/try.log" 2>&1
	status=$?
	if [ $status -ne 0 ]; then
		sed 's/^/# /' "$work/try.log" | tail -n 30
	else	# what is worth knowing
		sed -n 's/^#/#/p; s/^\(restarted twice\|turned away\)/# &/p' \
		    "$work/try.log"
	fi
	point $status "$name"
	return $status
}

wait_for() {	# wait_for SECONDS CMD...
	local until=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.2
	done
}

# wait_mail CMD...: for a mail; what was deferred is tried again meanwhile.
wait_mail() {
	local until=$((SECONDS + DELIVERY_SECONDS))

	until wait_for 5 "$@"; do
		[ $SECONDS -lt $until ] || { box postqueue -p; return 1; }
		box postqueue -f
	done
}

pids=()
finish() {
	local pid

	trap - EXIT
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
	done
	if [ -n "$BOX_LEADER" ]; then
		box journalctl -b --no-pager >"$work/journal.log" 2>&1
	fi
	box_down "$root" "$chroot_root"
}
trap finish EXIT
trap 'exit 143' TERM INT

# ---- the packages themselves ----

debs() {	# debs DIR
	(cd "$1" && sha256sum -- *.deb debug/*.deb *.dsc)
}

build_again() (
	umask 077
	TZ=Pacific/Kiritimati LANG=C.UTF-8 "$here/build.sh" \
	    "$work/again/in/another/folder" >"$work/build-again.log" 2>&1
)

lint() {
	lintian --fail-on error,warning "$work"/deb/*.dsc \
	    "$work"/deb/*.deb "$work"/deb/debug/*.deb
}

# The same files under a higher version number.
repack() {
	local deb dir

	rm -rf "$work/upgrade"
	mkdir -p "$work/upgrade"
	for deb in "$work"/deb/*.deb; do
		dir=$work/upgrade/tree
		rm -rf "$dir"
		dpkg-deb -R "$deb" "$dir" || return
		sed -i "s/\\b$VERSION\\b/$UPGRADE/g" "$dir/DEBIAN/control"
		dpkg-deb --root-owner-group -Znone -b "$dir" \
		    "$work/upgrade/" || return
	done
	rm -rf "$work/upgrade/tree"
}

# ---- the machine they are installed on ----

apt_install() {	# apt_install FOLDER-IN-THE-BOX
	box sh -c "cd $1 && apt-get install -y ./*.deb"
}

running() {
	local state

	state=$(box systemctl is-system-running)
	echo "$state"
	box systemctl --failed --no-legend
	[ "$state" = running ]
}

units_active() {
	box systemctl is-active $UNITS $SOCKETS postfix@-.service ||
	    { box journalctl -b -n 30 --no-pager; return 1; }
}

no_root() {
	local unit user

	for unit in $UNITS; do
		user=$(box ps -o user:20= -p \
		    "$(box systemctl show -P MainPID "$unit")")
		echo "$unit: $user"
		case $user in root|'') return 1 ;; esac
	done
}

sink_has() {
	grep -qx "$1" "$work/sink.log"
}

send() {
	out "$here/mail.py" send $BOX_IP 25 "$@"
}

arrives() {	# arrives ID [KIND]
	send "$@" && wait_mail sink_has "$1"
}

status_says() {	# status_says REGEX
	local text

	text=$(box pmg status 2>&1)
	echo "$text"
	grep -qiE "$1" <<<"$text"
}

deferred_without_databases() {
	send early || return
	wait_for 60 box sh -c 'postqueue -p | grep -qiE "4[0-9][0-9] .*|deferred"' ||
	    { box postqueue -p; return 1; }
	! sink_has early
}

set_up_relay() {
	box pmgconfig set mail.relay $OUT_IP &&
	box pmgconfig set mail.relayport $SINK_PORT &&
	box sh -c 'echo inside.example >>/etc/pmg/domains' &&
	box pmgconfig sync --restart
}

# One signature, of EICAR: nothing can be downloaded here.
own_databases() {
	box install -d /var/lib/pmg-test-db
	printf 'Eicar-Test-Signature:0:*:%s\n' "$(printf \
	    'EICAR-STANDARD-ANTIVIRUS-TEST-FILE' | od -An -v -tx1 |
	    tr -d ' \n')" >"$root/var/lib/pmg-test-db/test.ndb"
	box pmgconfig set clamav.dbdir /var/lib/pmg-test-db &&
	box pmgconfig set clamav.databases test &&
	box pmgconfig set clamav.database_max_age 0 &&
	box pmgconfig sync --restart &&
	wait_for 60 box systemctl is-active pmgd-scan.service
}

early_mail_arrives() {
	wait_mail sink_has early || { box journalctl -n 40 --no-pager; return 1; }
}

quarantined() {	# quarantined ID SUBJECT-WORD
	send "$1" "$2" || return
	wait_mail in_quarantine "$1" || {
		box pmgqm list
		box journalctl -n 40 --no-pager
		return 1
	}
	! sink_has "$1"
}

in_quarantine() {
	box pmgqm list -o json | grep -q "$1"
}

exposure() {	# exposure UNIT MAX
	local figure

	figure=$(box systemd-analyze security --no-pager "$1" |
	    sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p')
	echo "$1: $figure, at most $2"
	[ -n "$figure" ] &&
	awk -v f="$figure" -v max="$2" 'BEGIN { exit !(f <= max) }'
}

all_arrived() {	# all_arrived FILE
	! sort -u "$1" | grep -vxFf "$work/sink.log"
}

# Each unit in turn, twice, while mail comes in at a steady pace.
restart_under_load() {
	local loader unit round status=0

	out "$here/mail.py" load $BOX_IP 25 load $LOAD_MAILS $LOAD_PER_SECOND \
	    >"$work/load.sent" 2>"$work/load.err" &
	loader=$!
	for round in 1 2; do
		for unit in $UNITS; do
			sleep 1
			box systemctl restart "$unit" || status=1
		done
	done
	wait $loader || status=1
	sed 's/^/not taken: /' "$work/load.err"
	echo "turned away by a worker that ended: $(box journalctl -b \
	    -t postfix/lmtp --no-pager | grep -c 'talk to me: 421')"
	echo "restarted twice under load: $round rounds," \
	    "$(wc -l <"$work/load.sent") mails taken"
	[ "$(wc -l <"$work/load.sent")" -gt 0 ] || status=1
	wait_mail all_arrived "$work/load.sent" || {
		echo "lost or late:"
		sort -u "$work/load.sent" | grep -vxFf "$work/sink.log"
		status=1
	}
	return $status
}

# Would the two checks see a loss, and a refusal?
lost_is_seen() {
	! all_arrived <(echo never-sent)
}

refusal_is_seen() {
	box systemctl stop pmgd-in.socket pmgd.service
	send refused && wait_for 20 refused_once
	box systemctl start pmgd-in.socket pmgd.service
	! never_refused && wait_mail sink_has refused
}

refused_once() {
	! never_refused
}

# Sockets stay while the service behind them restarts.
never_refused() {
	! box journalctl -b -t postfix/lmtp -t postfix/smtpd --no-pager |
	    grep -E '(in|out)\.sock\]: (Connection refused|No such file)'
}

# What must survive an upgrade, as text that can be compared.
keepsakes() {
	box sh -c 'cd / && find etc/pmg -type f | sort | xargs sha256sum'
	box pmgqm list
	box pmg rules show
	box pmg list show --global
	box sh -c 'cd /var/lib/pmg/postfix-saved && sha256sum *'
}

upgrade() {
	keepsakes >"$work/before" || return
	apt_install /root/upgrade || return
	box dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\n' \
	    $PACKAGES | tee "$work/versions"
	[ "$(grep -c "$UPGRADE ii" "$work/versions")" -eq 4 ] || return
	keepsakes >"$work/after"
	diff "$work/before" "$work/after"
}

postfix_files() {
	(cd "$root/etc/postfix" && sha256sum main.cf master.cf)
}

postfix_is_back() {
	postfix_files | diff "$work/postfix.before" - &&
	[ ! -e "$root/var/lib/pmg/postfix-saved" ] &&
	box systemctl is-active postfix@-.service &&
	out "$here/mail.py" send $BOX_IP 25 after-removal 2>&1 |
	    grep -iE 'relay|denied|454|554'
}

quarantine_files() {
	find "$root/var/spool/pmg/quarantine" -type f | wc -l
}

purge() {
	local mails

	mails=$(quarantine_files)
	echo "in quarantine: $mails"
	[ "$mails" -gt 0 ] || return
	# The other two left nothing to purge: apt does not know them any more.
	box apt-get purge -y pmgd pmgd-scan >"$work/purge.log" 2>&1 || {
		cat "$work/purge.log"
		return 1
	}
	grep -E "deletes .* $mails quarantined message" "$work/purge.log"
}

nothing_left() {
	local left

	left=$(find "$root" -xdev \( -path "$root/proc" -o -path "$root/sys" \
	    -o -path "$root/root" -o -path "$root/var/log" \
	    -o -path "$root/var/lib/pmg-test-db" \
	    -o -path "$root/etc/apt/apt.conf.d/90pmg-test" \) -prune \
	    -o \( -name '*pmg*' \) -print |
	    grep -v '/var/lib/systemd/deb-systemd-helper-masked$')
	echo "$left"
	[ -z "$left" ]
}

# An installer unpacks packages where no systemd runs.
in_chroot() {
	local status=0

	box_unpack "$chroot_root" || return
	mkdir "$chroot_root/root/debs"
	cp "$work"/deb/*.deb "$chroot_root/root/debs"
	local run="env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root"
	run+=" DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8"
	run="chroot $chroot_root $run"
	{
		$run sh -c 'cd /root/debs && apt-get install -y ./*.deb' &&
		$run sh -c 'systemctl is-enabled pmgd.service pmgd-in.socket' &&
		$run apt-get purge -y $PACKAGES
	} || status=1
	umount -l "$chroot_root"
	return $status
}

# ---- the story ----

main() {
	if [ "$(id -u)" -ne 0 ] || ! command -v mmdebstrap >/dev/null ||
	    ! command -v systemd-nspawn >/dev/null ||
	    ! command -v lintian >/dev/null; then
		echo "1..0 # SKIP needs root, mmdebstrap, systemd-nspawn, lintian"
		return 0
	fi
	umount -l "$root" "$chroot_root" 2>/dev/null
	rm -rf "$work"
	mkdir -p "$work"
	VERSION=$(dpkg-parsechangelog -S Version)
	UPGRADE=5.1.1~test1

	box_image >"$work/image" 2>"$work/image.log" &
	local image=$!
	try "packages build from a clean copy" \
	    "$here/build.sh" "$work/deb" || return
	build_again &
	local again=$!
	try "packages under a higher version" repack

	if ! wait $image; then
		sed 's/^/# /' "$work/image.log"
		point 1 "the image of a bare Debian"
		return
	fi
	try "an image unpacks" box_unpack "$root" || return
	mkdir "$root/root/debs" "$root/root/upgrade"
	cp "$work"/deb/*.deb "$root/root/debs"
	cp "$work"/upgrade/*.deb "$root/root/upgrade"
	postfix_files >"$work/postfix.before"
	try "the container boots" box_up "$root" "$work/boot.log" || return
	out "$here/mail.py" dns $OUT_IP &
	pids+=($!)
	try "before: no unit has failed" running

	try "apt-get install ./pmg*.deb" apt_install /root/debs || return
	try "after installation the system is running" running
	try "services and sockets are active" units_active
	try "timers are enabled and active" timers_active
	try "no service runs as root" no_root
	try "exposure of pmgd" exposure pmgd.service 1.4
	try "exposure of pmgd-scan" exposure pmgd-scan.service 0.6
	try "exposure of pmgd-store" exposure pmgd-store.service 0.9
	try "exposure of pmg-ldap" exposure pmg-ldap.service 1.4
	try "LDAP without a profile does nothing" ldap_idle
	try "an LDAP server that is away is told" ldap_unreachable
	try "rules are shown" rules_shown
	try "user lists can be changed" lists_kept

	out "$here/mail.py" sink $OUT_IP $SINK_PORT "$work/sink.log" &
	pids+=($!)
	: >"$work/sink.log"
	try "relay host and domain can be set" set_up_relay
	try "pmg status tells of the missing virus databases" \
	    status_says 'database'
	try "pmg status tells that mail is deferred" status_says 'defer'
	try "mail waits while there are no databases" deferred_without_databases
	try "own databases can be set" own_databases
	try "the mail that waited arrives" early_mail_arrives
	try "a clean mail arrives" arrives clean1
	try "EICAR is in quarantine and did not arrive" quarantined virus1 eicar
	try "GTUBE is in quarantine and did not arrive" quarantined spam1 gtube
	try "before the queue: a clean mail arrives" before_queue 1 clean3
	try "before the queue: EICAR did not arrive" quarantined virus2 eicar
	try "after the queue again: a clean mail arrives" before_queue 0 clean4
	try "restarts under load lose nothing" restart_under_load
	try "no socket refused Postfix meanwhile" never_refused
	try "control: a lost mail would be seen" lost_is_seen
	try "control: a refusal would be seen" refusal_is_seen
	try "upgrade keeps configuration, rules and quarantine" upgrade
	try "after the upgrade the system is running" running
	try "services and sockets are active after the upgrade" units_active
	try "a clean mail arrives after the upgrade" arrives clean2
	try "rules of before they had versions are carried over" \
	    old_rules_carried_over
	try "a clean mail arrives by them" arrives clean5
	try "the packages can be removed" box apt-get remove -y $PACKAGES
	try "removal brings Postfix's configuration back" postfix_is_back
	try "after removal the system is running" running
	try "quarantined mail survives removal" test "$(quarantine_files)" -gt 0
	try "purge says how many messages it deletes" purge
	try "nothing is left" nothing_left
	box_down "$root"

	try "installs and purges without systemd running" in_chroot
	wait $again
	debs "$work/deb" >"$work/sums"
	debs "$work/again/in/another/folder" >"$work/sums.again" 2>&1
	try "a second build is identical" diff "$work/sums" "$work/sums.again"
	try "lintian: no errors, no warnings" lint
}

main
finish
[ $points -eq 0 ] || echo "1..$points"
exit $FAILED
