# daemon.bash -- what the suites of the daemon share: one in directories of its own, its clients, and questions to it.
#
#   setup                     at the beginning of each case: directories; at its end everything is ended and removed
#   conf <<END                the configuration; $POOLS is an empty directory on $POOL_DIR
#   one_class [LINE...]       a configuration with a class "a" of 16 MiB there, and those lines
#   daemon_start [OPTION...]  starts it and waits until it serves; $DAEMON is its pid, $WORK/log what it says
#   daemon_by_sockets [COMMAND...]  it, or the command with it, behind sockets that a service manager listens to
#   interpose NAME <<END      functions in C, for LD_PRELOAD=$WORK/NAME.so: the daemon calls them instead of libc's
#   daemon_end SIGNAL         ends it and waits; $? is its exit status
#   client VERB...            pool_client.c; client_as UID VERB... as another user
#   hold VERB...              a client in the background that goes on to hold what it has; $HELD is its pid, its words
#                             are in $WORK/held.$HELD. hold_as UID VERB...
#   ask WORD...               daemon_ask.c
#   ctl WORD...               vmmallocctl
#   wait_for COMMAND...       polls until the command succeeds, for 40 s at most, or $WAIT_SECONDS
#   wait_count CLASS STATE N  polls until so many pools of the class are in that state
#   wait_least CLASS STATE N  the same for at least so many
#   problem_is CLASS WORDS    whether the class has that problem
#   is WHAT EXPECTED          fails the case unless both are the same

DEADLINE=${DAEMON_DEADLINE:-120}
HELPERS=$SUITE_TMP/bin
DAEMON_PROGRAM=${DAEMON_PROGRAM:-$BUILD/${FLAVOUR:-release}/vmmallocd}
# other users have to reach the helpers and the sockets
chmod 711 "$SUITE_TMP"
mkdir -p "$HELPERS" && cp "$BUILD"/tests/integration/* "$HELPERS" || exit 1
NOBODY=65534 SOMEBODY=65533
export HELPERS DAEMON_PROGRAM NOBODY SOMEBODY

setup() {
	PIDS= DAEMON= MOUNTS=
	RUN=$WORK/run STATE=$WORK/state
	POOLS=$(mktemp -d "$POOL_DIR/vmmallocd-test.XXXXXX") || exit 1
	FIRST_POOLS=$POOLS
	trap clean_up EXIT
}

clean_up() {
	local status=$? pid mount
	for pid in $DAEMON $PIDS $(cat children 2>/dev/null); do
		kill -KILL "$pid" 2>/dev/null
	done
	wait
	for mount in $MOUNTS; do
		umount -l "$mount"
	done
	# a case may have its pools elsewhere
	rm -rf "$POOLS" "$FIRST_POOLS"
	[ $status -eq 0 ] || [ $status -eq $SKIPPED ] || tail -n 30 "$WORK/log"
}

conf() { cat >"$WORK/vmmallocd.conf"; }

one_class() {
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 16M
		$(printf '%s\n' "$@")
	END
}

daemon_run() {
	"$DAEMON_PROGRAM" --config "$WORK/vmmallocd.conf" --runtime-dir "$RUN" --state-dir "$STATE" --log-level debug "$@" \
		2>>"$WORK/log" &
	DAEMON=$!
}

is_serving() {
	kill -0 "$DAEMON" || fail "the daemon has ended"
	[ -S "$RUN/control.sock" ] && [ "$(ask daemon pid 2>/dev/null)" = "$DAEMON" ]
}

daemon_start() {
	daemon_run "$@"
	wait_for is_serving
}

# Each of them opens sockets of one type only; the second hands on what it has from the first.
daemon_by_sockets() {
	need systemd-socket-activate
	mkdir run
	systemd-socket-activate --listen="$RUN/control.sock" \
		systemd-socket-activate --seqpacket --listen="$RUN/pool.sock" --fdname=control:pool "$@" "$DAEMON_PROGRAM" \
		--config "$WORK/vmmallocd.conf" --runtime-dir "$RUN" --state-dir "$STATE" 2>>log &
	DAEMON=$!
	# there is a socket a moment before it listens
	wait_for grep -qs "Listening on .*control.sock" log
}

daemon_end() {
	local pid=$DAEMON
	kill "-$1" "$pid" || fail "the daemon has ended before"
	DAEMON=
	wait "$pid"
}

interpose() {
	need cc
	cc -std=gnu11 -w -shared -fPIC -x c - -o "$WORK/$1.so" || fail "cc"
}

client() { "$HELPERS/pool_client" "$RUN/pool.sock" "$@"; }
client_as() {
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$HELPERS/pool_client" "$RUN/pool.sock" "$@"
}

hold_as() {
	local uid=$1
	shift
	exec 9>starting
	if [ "$uid" = "$(id -u)" ]; then
		"$HELPERS/pool_client" "$RUN/pool.sock" "$@" hold >&9 9>&- &
	else
		setpriv --reuid "$uid" --regid "$uid" --clear-groups "$HELPERS/pool_client" "$RUN/pool.sock" "$@" hold >&9 9>&- &
	fi
	HELD=$!
	exec 9>&-
	PIDS="$PIDS $HELD"
	mv starting "held.$HELD"
	wait_for test -s "held.$HELD"
}
hold() { hold_as "$(id -u)" "$@"; }

ctl() { "$BUILD/${FLAVOUR:-release}/vmmallocctl" --runtime-dir "$RUN" "$@"; }
ask() { "$HELPERS/daemon_ask" "$RUN/control.sock" "$@"; }

wait_for() {
	local end=$((SECONDS + ${WAIT_SECONDS:-40}))
	until "$@"; do
		[ $SECONDS -lt $end ] || fail "waited in vain: $*"
		sleep 0.02
	done
}

counts() { [ "$(ask count "$1" "$2")" = "$3" ]; }
least() { [ "$(ask count "$1" "$2")" -ge "$3" ]; }
wait_least() { wait_for least "$1" "$2" "$3"; }
wait_count() { wait_for counts "$1" "$2" "$3"; }
problem_is() { [ "$(ask problem "$1")" = "$2" ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
is() { [ "$1" = "$2" ] || fail "'$1', expected '$2'"; }
kill_held() {
	kill -KILL "$1"
	wait "$1" 2>/dev/null
	return 0
}

# Mounts a small tmpfs on $WORK/NAME. Mounts of our own vanish with the mount namespace of the suite.
small_mount() {
	need_mounts
	mkdir "$WORK/$1" && mount -t tmpfs -o "size=$2,mode=755" small "$WORK/$1" || fail "mount"
	MOUNTS="$MOUNTS $WORK/$1"
}

export -f setup clean_up conf one_class ctl problem_is daemon_run is_serving daemon_start daemon_by_sockets daemon_end interpose \
	client client_as hold hold_as ask wait_for counts least wait_count wait_least is_gone is kill_held small_mount
