# e2e.bash -- what the suites of real programs share, beside tests/lib/suite.bash: proofs that a heap was on its pool.
#
#   same_work <<'SCRIPT'      runs the bash script without and with the library, each time in a fresh directory of the
#                             same name; output, errors, exit status and files must be the same. $SAME_EXCEPT names
#                             files that may differ (patterns for diff -x, separated by spaces).
#   on_pool COMMAND...        like preload, and every process that ends by itself is witnessed
#   witnessed NAME[:MIB]...   every process witnessed so far had its heap on a pool, some process called NAME was there,
#                             and its heap was at its peak no smaller than MIB
#   heap_on_pool PID [KIB]    the heap of a running process is: more than KIB KiB of a pool are resident in it
#   wait_for COMMAND...       polls until the command succeeds, for 40 s at most
#   end_process PID [SIGNAL]  ends a process (SIGTERM, unless another is named), at last by SIGKILL, and waits for it
#   helper NAME               compiles tests/e2e/helpers/NAME.c in the case's own directory
#   free_port                 prints a loopback TCP port that nobody uses

WITNESS_LIBRARY=$SUITE_TMP/witness.so
if command -v gcc >/dev/null; then
	gcc -shared -fPIC -O1 -Wall -Wextra -I"$ROOT" -D_GNU_SOURCE -Wno-psabi \
		"$ROOT/tests/e2e/helpers/witness.c" -o "$WITNESS_LIBRARY" || exit 1
fi
export WITNESS_LIBRARY
export LC_ALL=C.UTF-8 TZ=UTC

on_pool() {
	[ -e "$WITNESS_LIBRARY" ] || skip "no gcc to compile the witness with"
	WITNESS=${WITNESS-$WORK/witness} LIBRARY=$LIBRARY:$WITNESS_LIBRARY preload "$@"
}

same_work() {
	local run status pattern excepted=()
	[ -e "$WORK/script" ] && rm -rf "$WORK/script" "$WORK/plain" "$WORK/pool"
	cat >"$WORK/script"
	for run in plain pool; do
		mkdir "$WORK/here"
		cd "$WORK/here" || exit 1
		if [ $run = pool ]; then
			on_pool bash "$WORK/script"
		else
			bash "$WORK/script"
		fi >.output 2>.errors
		status=$?
		echo "exit status $status" >>.output
		cd "$WORK" || exit 1
		mv here $run
	done
	for pattern in ${SAME_EXCEPT-}; do
		excepted+=(-x "$pattern")
	done
	# the script has to have done something
	[ "$(tail -n 1 plain/.output)" = "exit status 0" ] || { cat plain/.output plain/.errors; fail "plain run failed"; }
	if ! diff -r --no-dereference ${excepted[@]+"${excepted[@]}"} plain pool; then
		tail -n 20 pool/.output pool/.errors
		fail "another result on a pool"
	fi
}

witnessed() {
	local name mib
	awk '/mode=0 / || /rss=0 / || !/outside=0 / || !/failed=0 / || !/brk=0$/ { print; bad = 1 } END { exit bad }' \
		"$WORK/witness" || fail "a heap that was not on its pool"
	for name; do
		mib=0
		[[ $name = *:* ]] && mib=${name#*:} name=${name%:*}
		awk -v name="$name" -v mib="$mib" '
			$1 == name { sub("peak=", "", $5); if ($5 + 0 >= mib * 1048576) found = 1 }
			END { exit !found }' "$WORK/witness" || {
			awk '{ print $1, $5 }' "$WORK/witness" | sort | uniq -c | sort -rn | head -n 20
			fail "no $name among the witnessed, or its heap was smaller than $mib MiB"
		}
	done
}

# KiB resident of the pool in a running process; the child of a fork maps the file privately.
pool_rss() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / {
		pool = $2 ~ /^rw-[sp]$/ && / \(deleted\)$/ && $6 ~ /\/(#[0-9]+|vmmalloc\.[0-9]+\.[0-9a-f]+)$/
	}
	pool && /^(Rss|Shared_Hugetlb|Private_Hugetlb):/ { kib += $2 }
	END { print kib + 0 }' "/proc/$1/smaps" 2>/dev/null
}

heap_on_pool() {
	local kib
	kib=$(pool_rss "$1")
	if [ "${kib:-0}" -le "${2:-0}" ]; then
		echo "process $1 ($(cat "/proc/$1/comm")): ${kib:-0} KiB of a pool resident, expected more than ${2:-0}"
		grep -E '\[heap\]|deleted' "/proc/$1/maps"
		exit 1
	fi
}

helper() {
	need gcc
	gcc -O1 -g -D_GNU_SOURCE -fno-builtin -pthread "$ROOT/tests/e2e/helpers/$1.c" -o "$WORK/$1" || fail "cannot compile $1.c"
}

wait_for() {
	local deadline=$((SECONDS + ${WAIT_SECONDS:-40}))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || { echo "waited in vain for: $*" >&2; return 1; }
		sleep 0.05
	done
}

is_gone() { ! kill -0 "$1" 2>/dev/null || [ "$(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null)" = Z ]; }

end_process() {
	kill -"${2:-TERM}" "$1" 2>/dev/null
	WAIT_SECONDS=10 wait_for is_gone "$1" || kill -KILL "$1"
	wait "$1" 2>/dev/null
	return 0
}

# All descendants of a process, itself first.
process_tree() {
	local child
	echo "$1"
	for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
		process_tree "$child"
	done
}

free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo $port; return; }
	done
}

# --- proofs, from the pool's header (common/base/pool_header.h) and the mappings of a running process ---

# header_field PID OFFSET -- a 64-bit field of the header of the pool that the process has open
header_field() {
	local fd
	for fd in /proc/"$1"/fd/*; do
		[[ $(readlink "$fd") =~ /(#[0-9]+|vmmalloc\.[0-9]+\.[0-9a-f]+)\ \(deleted\)$ ]] || continue
		[ "$(head -c 7 "$fd" | tr -d '\0')" = VMMPOOL ] || continue
		od -An -tu8 -j "$2" -N 8 "$fd" | tr -d ' '
		return
	done
	return 1
}
pool_bytes() { header_field "$1" 16; }
pool_owner() { echo $(($(header_field "$1" 48) & 0xffffffff)); }
pool_mode() { header_field "$1" 80; }
pool_used() { header_field "$1" 96; }
pool_forks() { header_field "$1" 144; }
pool_private() { header_field "$1" 152; }

# The kinds of mappings of the pool behind its header: rw-s when the heap is on the file, rw-p when it is private.
pool_mappings() {
	awk '$3 != "00000000" && / \(deleted\)$/ && $6 ~ /\/(#[0-9]+|vmmalloc\.[0-9]+\.[0-9a-f]+)$/ { print $2 }' "/proc/$1/maps" |
		sort -u | tr '\n' ' '
}
is_on_pool() {
	local mode
	mode=$(pool_mode "$1") && [[ $mode = [02] ]] && [ "$(pool_owner "$1")" = "$1" ] && [[ "$(pool_mappings "$1")" != *rw-p* ]]
}
is_returning() { [ "$(pool_mode "$1")" = 3 ] && [ "$(pool_private "$1")" -lt "$(pool_bytes "$1")" ]; }
is_private() { [ "$(pool_mode "$1")" = 1 ] && [[ "$(pool_mappings "$1")" = *rw-p* ]]; }

export -f header_field pool_bytes pool_owner pool_mode pool_used pool_forks pool_private pool_mappings is_on_pool is_returning \
	is_private
export -f on_pool same_work witnessed pool_rss heap_on_pool wait_for is_gone end_process process_tree helper free_port
