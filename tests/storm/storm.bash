#!/bin/bash
# storm.bash -- the daemon in a storm, for STORM_SECONDS. STORM_SEED repeats the decisions of an earlier one,
# STORM_SECOND_DIR=DIR puts half of the classes on another file system.
# alone: it takes all processors
. "$(dirname "$0")/../lib/suite.bash"
STORM_SECONDS=${STORM_SECONDS:-20}
DEADLINE=$((STORM_SECONDS * 3 + 120))
DAEMON_PROGRAM=${DAEMON_PROGRAM:-$BUILD/${FLAVOUR:-release}/vmmallocd}
POOLS=$(mktemp -d "$POOL_DIR/vmmallocd-storm.XXXXXX") || exit 1
trap 'rm -rf "$SUITE_TMP" "$POOLS" ${STORM_SECOND_DIR:+"$STORM_SECOND_DIR"}' EXIT
if [ -n "${STORM_SECOND_DIR-}" ]; then
	STORM_SECOND_DIR=$(mktemp -d "$STORM_SECOND_DIR/vmmallocd-storm.XXXXXX") || exit 1
	chmod 755 "$STORM_SECOND_DIR"
	export STORM_SECOND_DIR
fi
export STORM_SECONDS DAEMON_PROGRAM POOLS SUITE_TMP
# other users have to reach the programs and the sockets
chmod 711 "$SUITE_TMP"

# What the daemon and the programs said, of the pools that are named first.
explain() {
	local id
	for id in $(grep -oE '\b[0-9a-f]{32}\b' "$SUITE_TMP/said" | sort -u | head -n 3); do
		grep "$id" storm/daemon.log | tail -n 12
	done
	tail -n 5 storm/daemon.log
	grep -v "Error (libvmmalloc)" storm/tenants.log | tail -n 3
	grep -v "^pools removed:" storm/ctl.log | tail -n 3
	cat "$SUITE_TMP/said"
}

case_storm() {
	chmod 711 .
	mkdir -m 711 storm bin
	cp "$DAEMON_PROGRAM" bin/vmmallocd
	cp "$BUILD"/release/vmmallocctl "$LIBRARY" "$BUILD"/tests/storm/{client,program} bin
	"$BUILD/tests/storm/storm" --bin "$WORK/bin" --work "$WORK/storm" --pools "$POOLS" --seconds "$STORM_SECONDS" \
		--seed "${STORM_SEED:-0}" >"$SUITE_TMP/said" 2>&1 && return
	explain
	return 1
}
export -f explain

run_case "a storm of $STORM_SECONDS s: no foreign byte, none issued twice, all accounted for" case_storm
[ $failed -gt 0 ] || sed 's/^/     | /' "$SUITE_TMP/said"
end_suite
