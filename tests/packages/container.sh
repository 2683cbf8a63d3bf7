# shellcheck shell=bash
# A Debian with systemd as its first process, in a container with a network of
# its own: box_up, box CMD..., box_down; out CMD... runs in the network
# outside (10.77.0.2), which reaches the container (10.77.0.1) and nothing
# else. Needs root; neither KVM nor systemd on this machine.

BOX_SUITE=bookworm
BOX_CACHE=/var/cache/pmg-test
# What our packages depend on is in the image: the test installs only ours.
BOX_PACKAGES=systemd,systemd-sysv,dbus,iproute2,adduser,procps,postfix,spamd
BOX_PACKAGES+=,spamassassin,clamav-freshclam,libclamav12,libhyperscan5
BOX_PACKAGES+=,libarchive13,libldap-2.5-0,libjansson4,libsqlite3-0,libseccomp2,libsystemd0,libssl3
BOX_NAME=pmgbox$$
BOX_IP=10.77.0.1
OUT_IP=10.77.0.2
BOX_LEADER=
BOX_NSPAWN=
BOX_CGROUPS=()

# Prints the path of the image; makes it when there is none of this week.
box_image() {
	local key image

	key=$(printf '%s\n' "$BOX_SUITE $BOX_PACKAGES" | sha256sum | cut -c1-12)
	image=$BOX_CACHE/$BOX_SUITE-$key-$(date +%G-%V).tar
	if [ ! -s "$image" ]; then
		mkdir -p "$BOX_CACHE"
		rm -f "$BOX_CACHE/$BOX_SUITE"-*.tar*
		mmdebstrap --quiet --variant=minbase --mode=root \
		    --dpkgopt=force-unsafe-io \
		    --aptopt='Acquire::Languages "none"' \
		    --aptopt='APT::Install-Recommends "false"' \
		    --include="$BOX_PACKAGES" "$BOX_SUITE" "$image.new.tar" \
		    >&2 || return
		mv "$image.new.tar" "$image"
	fi
	echo "$image"
}

# box_unpack DIR: an image in memory (apt and dpkg sync a lot).
box_unpack() {
	local image

	image=$(box_image) || return
	mkdir -p "$1"
	mount -t tmpfs -o size=2g,mode=755 pmg-test "$1" || return
	tar -xf "$image" -C "$1" || return
	echo pmg-box >"$1/etc/hostname"
	printf '127.0.0.1 localhost\n%s pmg-box.test.example pmg-box\n' \
	    "$BOX_IP" >"$1/etc/hosts"
	echo "nameserver $OUT_IP" >"$1/etc/resolv.conf"
	rm -f "$1/etc/machine-id"
	: >"$1/etc/machine-id"
	printf 'Dir::Log::Terminal "";\nAPT::Install-Recommends "false";\n' \
	    >"$1/etc/apt/apt.conf.d/90pmg-test"
}

# nspawn puts a container below the cgroup that it is called from.
box_cgroup() {
	local tree

	for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
		[ -d "$tree" ] || continue
		mkdir -p "$tree/$BOX_NAME"
		echo "$BASHPID" >"$tree/$BOX_NAME/cgroup.procs"
	done
}

box_up() {
	local dir=$1 log=$2 try

	ip netns add "$BOX_NAME" && ip netns add "$BOX_NAME-out" || return
	ip -n "$BOX_NAME" link add host0 type veth peer name host0 \
	    netns "$BOX_NAME-out" || return
	ip -n "$BOX_NAME" addr add $BOX_IP/24 dev host0
	ip -n "$BOX_NAME-out" addr add $OUT_IP/24 dev host0
	for try in "$BOX_NAME" "$BOX_NAME-out"; do
		ip -n "$try" link set lo up
		ip -n "$try" link set host0 up
	done
	for try in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
		[ ! -d "$try" ] || BOX_CGROUPS+=("$try/$BOX_NAME")
	done
	(
		box_cgroup
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
		    systemd-nspawn -q -D "$dir" -M "$BOX_NAME" --register=no \
		    --keep-unit --kill-signal=SIGRTMIN+3 \
		    --network-namespace-path="/run/netns/$BOX_NAME" \
		    --resolv-conf=off --timezone=off --console=pipe -b
	) >"$log" 2>&1 </dev/null &
	BOX_NSPAWN=$!
	for ((try = 0; try < 600; try++)); do
		BOX_LEADER=$(cat "/proc/$BOX_NSPAWN/task/$BOX_NSPAWN/children" \
		    2>/dev/null) || return
		BOX_LEADER=${BOX_LEADER%% *}
		if [ -n "$BOX_LEADER" ]; then
			case $(box systemctl is-system-running 2>/dev/null) in
			running|degraded) return 0 ;;
			esac
		fi
		sleep 0.1
	done
	return 1
}

box() {
	nsenter -t "$BOX_LEADER" -m -u -i -n -p -C -r -w env -i HOME=/root \
	    PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb \
	    DEBIAN_FRONTEND=noninteractive "$@"
}

out() {
	ip netns exec "$BOX_NAME-out" "$@"
}

box_down() {
	if [ -n "$BOX_NSPAWN" ]; then
		kill -TERM "$BOX_NSPAWN" 2>/dev/null
		wait "$BOX_NSPAWN" 2>/dev/null
		BOX_NSPAWN=
	fi
	ip netns del "$BOX_NAME" 2>/dev/null
	ip netns del "$BOX_NAME-out" 2>/dev/null
	local dir sub
	for dir in "${BOX_CGROUPS[@]}"; do
		find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	for sub in "$@"; do
		umount -l "$sub" 2>/dev/null && rmdir "$sub"
	done
	return 0
}
