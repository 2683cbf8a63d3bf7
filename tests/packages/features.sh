# shellcheck shell=bash disable=SC2154,SC2086
# What an administrator finds beside the way of a mail: LDAP, user lists, rules
# and their versions, filtering before the queue. Sourced by check.sh.

timers_active() {
	box systemctl is-enabled $TIMERS && box systemctl is-active $TIMERS
}

# Without a profile there is nothing to fetch, and nothing fails.
ldap_idle() {
	box systemctl start pmg-ldap.service &&
	box pmg ldap sync &&
	box pmg ldap list
}

# The server does not answer: told, and no mail waits for it.
ldap_unreachable() {
	box sh -c 'cat >>/etc/pmg/ldap.conf' <<-EOT || return
	ldap: company
	 server1 127.0.0.1
	 basedn dc=example
	EOT
	box pmg ldap list || return
	if box systemctl start pmg-ldap.service; then
		echo "a server that is not there was asked without a failure"
		return 1
	fi
	box journalctl -u pmg-ldap.service -n 5 --no-pager |
	    tee "$work/ldap.journal"
	grep -q company "$work/ldap.journal" || return
	box sh -c ': >/etc/pmg/ldap.conf' &&
	box systemctl start pmg-ldap.service
}

rules_shown() {
	box pmg rules show >"$work/rules" &&
	grep -q 'Block Viruses' "$work/rules" &&
	box pmgdb dump >"$work/dump" &&
	grep -q 'Block Viruses' "$work/dump"
}

lists_kept() {
	box pmg list show --global &&
	box pmg list add --global --block spammer@outside.example &&
	box pmg list show --global | grep spammer@outside.example
}

# What the smtpd of Postfix tells of each mail that it passes on.
proxied() {
	box journalctl -b -t postfix/smtpd --no-pager |
	    grep -c 'proxy-accept: END-OF-MESSAGE: 250'
}

# before_queue 0|1 ID
before_queue() {
	local before

	box pmgconfig set mail.before_queue_filtering "$1" &&
	box pmgconfig sync --restart || return
	before=$(proxied)
	arrives "$2" || return
	echo "mails through the proxy before: $before, now: $(proxied)"
	[ "$(proxied)" -eq $((before + $1)) ]
}

# The database of a release whose rules had no versions, with a rule of the
# administrator's, is carried over when the new pmgd-store starts.
old_rules_carried_over() {
	local db=$root/var/lib/pmg/store/config.db status=0

	box systemctl stop pmgd-store.service || return
	rm -f "$work/old.db"
	sqlite3 "$work/old.db" ".read $here/config-schema1.sql" \
	    "UPDATE rules SET name = 'Mine', priority = 77 WHERE id = 3" \
	    "UPDATE objects SET value = 'old@outside.example' WHERE id = 1" &&
	cp "$db" "$work/kept.db" && cat "$work/old.db" >"$db" &&
	rm -f "$db-wal" "$db-shm" "$root/var/lib/pmg/rules/rules.active" ||
	    status=1
	box systemctl start pmgd-store.service || status=1
	box pmg rules show >"$work/rules" || status=1
	grep -w Mine "$work/rules" || status=1
	grep old@outside.example "$work/rules" || status=1
	box pmg rules versions || status=1
	return $status
}
