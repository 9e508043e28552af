#!/bin/bash
# check.bash RELEASE... -- make demo, make check and a quick bench from nothing, in a clean root of each of these Debian
# releases: a clone of what is committed here, in a system that has only its base and make. Then a table, and exit status
# 0 if all went well and nothing was skipped for want of a mount.
#
# Below build/distros stay what fresh.bash keeps, RELEASE.logs, and results, from which table.bash makes the table. The
# systems themselves go.
set -u
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin
place=$PWD/build/distros
WANT_OF_A_MOUNT='mount|namespace|FUSE|device nodes|only root|must be root|needs root'
[ "$(id -u)" -eq 0 ] || { echo "check-distros: only root may enter another system" >&2; exit 1; }
[ $# -gt 0 ] || { echo "check-distros: DISTROS is empty, expected releases of Debian: bookworm trixie testing" >&2; exit 1; }

mkdir -p "$place"
# what a run has left that was killed
for old in "$place"/run.*; do
	pid=${old#"$place"/run.}
	[ ! -d "$old" ] || kill -0 "${pid%.*}" 2>/dev/null || rm -rf --one-file-system "$old"
done
run=$(mktemp -d "$place/run.$$.XXXXXX") || exit 1
running=
huge_pages=$(cat /proc/sys/vm/nr_hugepages)
# A suite that is killed cannot give back what it took.
clean_up() {
	[ -z "$running" ] || { kill "$running"; wait "$running"; } 2>/dev/null
	[ "$(cat /proc/sys/vm/nr_hugepages)" = "$huge_pages" ] || echo "$huge_pages" >/proc/sys/vm/nr_hugepages
	rm -rf --one-file-system "$run"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

copy_source() {
	if [ -e .git ]; then
		git clone -q --no-hardlinks . "$1"
	else
		make -s dist && mkdir "$1" && tar -xzf build/libvmmalloc-*.tar.gz --strip-components=1 -C "$1"
	fi
}

# fresh RELEASE: $run/root is its system, with the source in it.
fresh() {
	local root=$run/root
	rm -rf --one-file-system "$root"
	tests/distros/fresh.bash "$1" "$root" && mkdir "$root/results" && copy_source "$root/usr/src/libvmmalloc"
}

# value NAME: of the lines "NAME VALUE" that inside.bash has left
value() { sed -n "s/^$1 //p" "$logs/values" 2>/dev/null | grep . || echo "${2--}"; }

# ratio ALLOCATOR: of its time to jemalloc's, over all workloads
ratio() {
	python3 - "$logs/bench.json" "$1" 2>/dev/null <<-'END' || echo -
		import json, sys
		print("%.2f" % json.load(open(sys.argv[1]))["workloads"]["geomean_ratio"][sys.argv[2]])
	END
}

# The line of results: what table.bash's head names.
describe() {
	local last words
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$logs/check.log" 2>/dev/null | tail -n 1)
	read -r passed _ failed _ skipped _ <<<"${last:+${last//,/}}"
	printf '%s\t' "$1" "$(value system)" "$(value gcc)" "$(value glibc)" "$(value jemalloc)" "$(value kernel)" \
		"$(value demo no)" "${passed:--}" "${failed:--}" "${skipped:--}" "$(ratio glibc)" "$(ratio libvmmalloc)" \
		"$minutes" "$(date -u +%F)"
	echo "$commit"
}

# one RELEASE
one() {
	local began=$SECONDS passed failed skipped minutes logs=$place/$1.logs
	rm -rf "$logs"
	mkdir "$logs"
	echo "== $1"
	if fresh "$1"; then
		timeout -k 30 7200 tests/distros/enter.bash "$run/root" \
			/usr/src/libvmmalloc/tests/distros/inside.bash /results </dev/null &
		# a trap waits for what runs in the foreground
		running=$!
		wait $running
		running=
		cp -r "$run/root/results/." "$logs"
		tests/distros/fresh.bash --keep "$1" "$run/root"
	fi
	minutes=$(((SECONDS - began + 30) / 60))
	describe "$1" >"$logs/result"
	{ grep -v "^$1	" "$place/results" 2>/dev/null; cat "$logs/result"; } >"$place/results.new"
	mv "$place/results.new" "$place/results"
	if grep -hE '^skip' "$logs"/check.log 2>/dev/null | grep -E "$WANT_OF_A_MOUNT"; then
		echo "FAIL $1: skipped for want of a mount"
		return 1
	fi
	[ "$(value demo no)" = yes ] && [ "$(value check no)" = yes ] && [ "$(value bench no)" = yes ]
}

commit=$(git rev-parse --short HEAD 2>/dev/null || sed -n 's/^#define VMMALLOC_VERSION "\(.*\)"/\1/p' include/libvmmalloc.h)
[ ! -e .git ] || git diff --quiet HEAD || echo "check-distros: what is not committed is not in the clones"
bad=()
for release; do
	one "$release" || bad+=("$release")
done
echo
tests/distros/table.bash
[ ${#bad[@]} -eq 0 ] || echo "failed: ${bad[*]}; see build/distros/RELEASE.logs"
[ ${#bad[@]} -eq 0 ]
