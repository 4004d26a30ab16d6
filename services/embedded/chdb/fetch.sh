#!/bin/sh
# Fetches the ClickHouse engine (libchdb) once into a cache and prints where it lies.
# The version and its checksum are pinned by npm/package-lock.json beside this script;
# npm refuses a package whose content has another checksum.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
say() { echo "clickhouse: $*" >&2; }
elsewhere="set DESKPULSE_LIBCHDB to a libchdb of your own, or point deskpulse at a ClickHouse server (docs/clickhouse-embedded.md)"

system=$(uname -s) machine=$(uname -m)
case "$system/$machine" in
Linux/x86_64) package=lib-linux-x64-gnu library=libchdb.so ;;
*)
	say "no pinned engine for $system on $machine; $elsewhere"
	exit 3
	;;
esac
if ldd --version 2>&1 | grep -qi musl; then
	say "the engine needs glibc and this system has musl; $elsewhere"
	exit 3
fi

version=$(sed -n "s|.*\"@chdb/$package\": \"\(.*\)\".*|\1|p" "$here/npm/package.json" | head -n 1)
if [ -z "$version" ]; then
	say "$here/npm/package.json does not pin @chdb/$package; restore it from git"
	exit 1
fi
cache=${DESKPULSE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deskpulse}/chdb/$version
if [ -s "$cache/$library" ]; then
	echo "$cache/$library"
	exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
	say "npm is needed to fetch the engine (about 170 MB) and is not on PATH; install Node.js, or $elsewhere"
	exit 2
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/.fetch.XXXXXX") # same file system as the cache, so the last step is a rename
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp "$here/npm/package.json" "$here/npm/package-lock.json" "$work/"
say "fetching @chdb/$package $version, about 170 MB, once"
if ! (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2); then
	say "npm could not fetch @chdb/$package $version; see its message above, then run 'make clickhouse' again, or $elsewhere"
	exit 1
fi
fetched=$work/node_modules/@chdb/$package/$library
if [ ! -s "$fetched" ]; then
	say "npm skipped @chdb/$package: it does not take this system for its platform; $elsewhere"
	exit 3
fi
mv "$fetched" "$cache/$library"
echo "$cache/$library"
