#!/bin/bash
# build.sh OUT [VERSION]: source and binary packages into OUT, built in a clean
# copy of the files that git knows. VERSION: as if it were that release.
set -eu
umask 022	# the modes of folders are in the source package
cd "$(dirname "$0")/../.."
out=$1
version=${2:-}

name=$(dpkg-parsechangelog -S Source)
rm -rf "$out"
mkdir -p "$out/src/$name"
out=$(realpath "$out")
if git rev-parse --git-dir >/dev/null 2>&1; then
	git ls-files -z | while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || printf '%s\0' "$file"
	done
else
	find . -path ./build -prune -o -type f -print0
fi | tar --null -T - -cf - | tar -xf - -C "$out/src/$name"
cd "$out/src/$name"
[ -z "$version" ] || sed -i "1s/([^)]*)/($version)/" debian/changelog

log=$out/build.log
if ! nice dpkg-buildpackage -us -uc >"$log" 2>&1; then
	tail -n 40 "$log" >&2
	exit 1
fi
find "$out/src" -maxdepth 1 -type f -exec mv -t "$out" {} +
cd "$out"
rm -rf src
# So that `apt-get install ./pmg*.deb` means what it says.
mkdir debug
mv -- *-dbgsym_*.deb debug
ls -- *.deb
