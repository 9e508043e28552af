#!/bin/bash
# directories.bash -- a real daemon and what others do to its directories: they are somebody else's, or closed, and the
# file that it locks is somebody's, removed, or replaced.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"

# A daemon of the user nobody, as the service is one of vmmalloc's, with a class in that directory.
nobodys_daemon() {
	need_root
	conf <<-END
		[pool a]
		directory = $1
		size = 16M
		ready = 1
	END
	[ -d "$RUN" ] || install -d -o $NOBODY "$RUN" "$STATE"
	cp -u "$DAEMON_PROGRAM" "$HELPERS/vmmallocd"
	chmod 711 "$WORK"
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$HELPERS/vmmallocd" --config "$WORK/vmmallocd.conf" \
		--runtime-dir "$RUN" --state-dir "$STATE" --log-level debug 2>>log &
	DAEMON=$!
	wait_for is_serving
}
# Another daemon, in other directories of its own; OTHER is its pid.
other_daemon() {
	local mine=$DAEMON
	RUN=$WORK/run2 STATE=$WORK/state2
	nobodys_daemon "$1"
	OTHER=$DAEMON DAEMON=$mine
	PIDS="$PIDS $OTHER"
}
first_again() { RUN=$WORK/run STATE=$WORK/state; }
export -f nobodys_daemon other_daemon first_again

# The command at the end of the problem is the right one.
mended() {
	local words
	words=$(ask problem a)
	is "$(client take=a)" "no pool is ready"
	grep -qF "$words" log || fail "not in the log: $words"
	words=${words##*\(}
	bash -c "${words%)}" || fail "$words"
	ask reload || fail "reload"
	wait_count a ready 1
	is "$(ask problem a)" ""
}
export -f mended

case_roots() {
	setup
	chmod 755 "$POOLS"
	install -d -m "$1" "$POOLS/a"
	nobodys_daemon "$POOLS/a"
	is "$(ask problem a)" "$POOLS/a: it belongs to root, mode 0$1: expected $2 ($3 $POOLS/a)"
	mended
}
case_missing() {
	setup
	chmod 755 "$POOLS"
	nobodys_daemon "$POOLS/it's new"
	is "$(ask problem a)" "$POOLS/it's new: No such file or directory: expected an existing directory (install -d -o nobody '$POOLS/it'\\''s new')"
	mended
}
case_closed_above() {
	setup
	install -d -o $NOBODY "$POOLS/a"
	nobodys_daemon "$POOLS/a"
	is "$(ask problem a)" "$POOLS/a: $POOLS belongs to root, mode 0700: expected one that the user nobody may pass through (chmod o+x $POOLS)"
	mended
}
case_strangers_lock() {
	setup
	chmod 1777 "$POOLS"
	need_root
	setpriv --reuid $SOMEBODY --regid $SOMEBODY --clear-groups touch "$POOLS/.vmmallocd.lock"
	nobodys_daemon "$POOLS"
	wait_count a ready 1
	is "$(ask problem a)" ""
	is "$(client_as $SOMEBODY take=a | cut -c1-3)" "ok "
	other_daemon "$POOLS"
	is "$(ask problem a)" "pool directory $POOLS: another daemon has it, or another path of this one's classes"
	is "$(client take=a)" "no pool is ready"
	kill_held "$OTHER"
	first_again
	# it is the same daemon's after its end
	daemon_end TERM
	nobodys_daemon "$POOLS"
	wait_least a ready 1
	is "$(find "$POOLS" -name '.vmmallocd.lock*' -user nobody | wc -l)" 1
}

locked_again() { [ -e "$POOLS/.vmmallocd.lock" ] && [ "$(stat -c %i "$POOLS/.vmmallocd.lock")" != "$1" ]; }
export -f locked_again

case_lock_removed() {
	setup
	chown $NOBODY "$POOLS"
	nobodys_daemon "$POOLS"
	wait_count a ready 1
	before=$(stat -c %i "$POOLS/.vmmallocd.lock")
	# its inode may not be given to the next
	exec 8<"$POOLS/.vmmallocd.lock"
	rm "$POOLS/.vmmallocd.lock"
	WAIT_SECONDS=3 wait_for locked_again "$before"
	exec 8<&-
	wait_for grep -q "its lock was removed, and is there again" log
	is "$(ask problem a)" ""
	other_daemon "$POOLS"
	ask problem a | grep -q "another daemon has it" || fail "two daemons have it"
	first_again
	is "$(client take=a | cut -c1-3)" "ok "
}

# Another has taken the directory before this one could look: it leaves all of it to the other.
case_lock_lost() {
	setup
	chown $NOBODY "$POOLS"
	nobodys_daemon "$POOLS"
	wait_count a ready 1
	kill -STOP "$DAEMON"
	rm "$POOLS/.vmmallocd.lock"
	other_daemon "$POOLS"
	wait_count a ready 1
	kill -CONT "$DAEMON"
	first_again
	WAIT_SECONDS=3 wait_for problem_is a "pool directory $POOLS: another daemon has it, or another path of this one's classes"
	is "$(client take=a)" "no pool is ready"
	is "$(ask list)" ""
	kill_held "$OTHER"
	ask reload
	wait_count a ready 1
	is "$(ask problem a)" ""
}

# It cannot be made again: that is said, and programs go on to get their pools.
case_lock_cannot_be_made() {
	setup
	chown $NOBODY "$POOLS"
	nobodys_daemon "$POOLS"
	wait_count a ready 1
	chown root "$POOLS"
	rm "$POOLS/.vmmallocd.lock"
	WAIT_SECONDS=3 wait_for problem_is a "pool directory $POOLS: .vmmallocd.lock: Permission denied"
	chown $NOBODY "$POOLS"
	WAIT_SECONDS=3 wait_for problem_is a ""
	wait_count a ready 1
	is "$(client take=a | cut -c1-3)" "ok "
	is "$(grep -c "lock: Permission denied" log)" 1
}

# Looked at again, it is still unmounted, and nobody is told to give the directory beneath away.
case_unmounted() {
	need_mounts
	setup
	small_mount mounted 64M
	chown $NOBODY mounted
	nobodys_daemon "$WORK/mounted"
	wait_count a ready 1
	umount -l mounted || fail "umount"
	wait_for problem_is a "pool directory $WORK/mounted: removed or unmounted"
	wait_for grep -q "$WORK/mounted: removed or unmounted" log
	ask reload
	is "$(ask problem a)" "pool directory $WORK/mounted: removed or unmounted"
	is "$(grep -c "belongs to" log)" 0
	# what is mounted there again is looked at as it is
	mount -t tmpfs -o size=64M,mode=755 again mounted || fail "mount"
	wait_for eval 'ask problem a | grep -q "belongs to root"'
	chown $NOBODY mounted
	ask reload
	wait_count a ready 1
	is "$(ask problem a)" ""
}
run_case "an unmounted directory is said to be that, whatever is beneath" case_unmounted
run_case "a directory of root's: whose it is, and the command that mends it" case_roots 755 "one that the user nobody may write to" "chown nobody:"
run_case "one that is closed: the same" case_roots 700 "one that the user nobody may write to" "chown nobody:"
run_case "one that is missing: the command that makes it" case_missing
run_case "one below a closed one: which, and the command that opens it" case_closed_above
run_case "a stranger's lock in a sticky directory is passed by" case_strangers_lock
run_case "a lock that was removed is there again within a second" case_lock_removed
run_case "a directory that another daemon has taken is left to it" case_lock_lost
run_case "a lock that cannot be made again is said once" case_lock_cannot_be_made
end_suite
