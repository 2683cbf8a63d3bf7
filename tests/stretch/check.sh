#!/bin/bash
# check.sh [BUILD]: what can be proved for Debian 9 on the programs in BUILD
# (default build/release). The age of library functions is in Debian's symbols
# files: those of Debian 11, whose OpenSSL is still 1.1, fetched once with a
# package index of their own; no package is installed.
# shellcheck disable=SC2016  # apt's own variables
set -u
cd "$(dirname "$0")/../.." || exit
build=${1:-build/release}
cache=/var/cache/pmg-test/stretch
packages=(libc6 libgcc-s1 libssl1.1 libsqlite3-0 libjansson4 libseccomp2
    libsystemd0 libclamav9 libarchive13 libldap-2.4-2 libmagic1 zlib1g)

fetch() {
	local dir=$cache.new mirror deb name

	# Debian's mirror as this machine knows it.
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' \
	    'Created-By: Packages' | sed -n 's/ Debian$//p' | head -n 1)
	[ -n "$mirror" ] || return
	rm -rf "$dir"
	mkdir -p "$dir/lists/partial" "$dir/archives/partial" "$dir/debs"
	chmod 755 "$dir"
	: >"$dir/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
	    "$mirror bullseye main" >"$dir/sources.list"
	cat >"$dir/apt.conf" <<-EOF
	Dir::Etc::sourcelist "$dir/sources.list";
	Dir::Etc::sourceparts "-";
	Dir::State::lists "$dir/lists";
	Dir::State::status "$dir/status";
	Dir::Cache "$dir";
	Dir::Cache::archives "$dir/archives";
	APT::Architecture "amd64";
	APT::Sandbox::User "root";
	APT::Update::Error-Mode "any";
	Acquire::Languages "none";
	EOF
	export APT_CONFIG=$dir/apt.conf
	apt-get -q update &&
	(cd "$dir/debs" && apt-get -q download "${packages[@]}") || return
	for deb in "$dir"/debs/*.deb; do
		name=$(basename "$deb" | cut -d_ -f1)
		rm -rf "$dir/control"
		dpkg-deb -e "$deb" "$dir/control" || return
		[ ! -e "$dir/control/symbols" ] ||
		    cp "$dir/control/symbols" "$dir/$name.symbols"
	done
	rm -rf "$dir/debs" "$dir/lists" "$dir/archives" "$dir/control"
	rm -rf "$cache"
	mv "$dir" "$cache"
}

# The ones that were added last: an older cache is not enough.
for name in libssl1.1 libarchive13 libldap-2.4-2; do
	[ -e "$cache/$name.symbols" ] || (fetch) >/dev/null 2>&1
done
programs=()
for program in pmgd pmgd-scan pmgd-store pmg pmgconfig pmgdb pmgqm; do
	[ ! -x "$build/bin/$program" ] || programs+=("$build/bin/$program")
done
exec tests/stretch/stretch.py "$cache" "${programs[@]}"
