#!/bin/bash
# accounts.bash -- what a user has, and what the daemon says it did: limits, groups, answers, and clients that gave up.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"

# Only on tmpfs do pins show.
need_tmpfs() { [ "$(stat -f -c %T "$POOL_DIR")" = tmpfs ] || skip "$POOL_DIR is no tmpfs"; }

PINNED="pools of the class that this user gave back are not free yet: pages of them may still be held"
LIMIT="this user has as many pools of the class as one may have: end a program of this user's, or raise max_per_user"
says() { grep -qx "$2" "$1"; }
export PINNED LIMIT
export -f need_tmpfs says

# --- what a user pins is theirs ---

# Arguments: what becomes of pools that are given back, and how the pages are held: in huge pages, or in small ones.
case_pins() {
	setup
	need_root; need_tmpfs
	one_class "ready = 2" "max = 6" "max_per_user = 1" "recycle = $1"
	daemon_start
	wait_count a ready 2
	hold_as $NOBODY take=a map $2 fill=7 "pinevery=$3" unmap close waitfor=go unpin
	wait_for grep -q held "held.$HELD"
	wait_count a quarantined 1
	# one after another, for the memory of many
	for _ in 1 2 3 4 5; do
		is "$(client_as $NOBODY take=a)" "$PINNED"
	done
	is "$(ask list | awk '$3 == "quarantined" { print $7, $8 }')" "$NOBODY pool_client"
	is "$(ask count a quarantined) $(ask count a leased) $(ask count a ready)" "1 0 2"
	# its memory is where it shows
	[ "$(stat -c %b "$POOLS"/*.bad)" -ge $((15 << 11)) ] || fail "$(stat "$POOLS"/*.bad)"
	is "$(client_as $SOMEBODY take=a | cut -c1-3)" "ok "
	# not by prune either, which would only hide it
	is "$(ask prune | grep -c quarantined)" 0
	is "$(ask count a quarantined)" 1
	: >go
	wait_for eval 'client_as $NOBODY take=a | grep -q "^ok "'
	wait_count a quarantined 0
	wait_least a ready 2
	wait_for eval '! ls "$POOLS" | grep -q "bad$"'
	client take=a map zero | grep -qx zero || fail "not zero"
}

# Whoever gives a pool back and asks again at once is not refused while the daemon has not looked at it yet.
case_honest() {
	setup
	need_root; need_tmpfs
	one_class "ready = 4" "max = 8" "max_per_user = 1"
	daemon_start
	for _ in $(seq 30); do
		wait_least a ready 2
		client_as $NOBODY take=a map fill=3 close unmap take=a >out
		is "$(sed 's/^ok .*/ok/' out)" "ok
ok"
	done
	# what is really in use is refused at once, as ever
	wait_count a recycling 0
	wait_least a ready 2
	hold_as $NOBODY take=a map
	is "$(client_as $NOBODY take=a)" "$LIMIT"
}

# Several users give back at the same time, some hold pages: those are refused, and the others never.
case_some_pin() {
	setup
	need_root; need_tmpfs
	one_class "ready = 8" "max = 16" "max_per_user = 1"
	daemon_start
	wait_count a ready 8
	for uid in 5001 5002 5003; do
		hold_as $uid take=a map fill=1 pin unmap close
	done
	wait_count a quarantined 3
	for _ in 1 2 3; do
		for uid in 5001 6001 5002 6002 5003 6003; do
			wait_least a ready 1
			client_as $uid take=a >out
			case $uid in
			5*) is "$(cat out)" "$PINNED" ;;
			6*) is "$(cut -c1-3 out)" "ok " ;;
			esac
		done
	done
	is "$(ask count a quarantined)" 3
	for pid in $PIDS; do kill_held "$pid"; done
	wait_count a quarantined 0
}

# The next daemon knows whose the pinned pools are.
case_restart() {
	setup
	need_root; need_tmpfs
	one_class "ready = 2" "max = 4" "max_per_user = 1"
	daemon_start
	wait_count a ready 2
	hold_as $NOBODY take=a map fill=7 pin unmap close
	wait_count a quarantined 1
	wait_for grep -q last_owner "$STATE/registry.json"
	for signal in KILL TERM; do
		daemon_end $signal
		daemon_start
		wait_count a ready 2
		is "$(client_as $NOBODY take=a)" "$PINNED"
		is "$(ask list | awk '$3 == "quarantined" { print $7, $8 }')" "$NOBODY pool_client"
	done
	# given back while there was no daemon
	kill_held "$HELD"
	wait_count a quarantined 0
	hold_as $NOBODY take=a map fill=7 waitfor=go pin unmap close; one=$HELD
	wait_for grep -q '"leased"' "$STATE/registry.json"
	daemon_end KILL
	: >go
	wait_for eval '! grep -q "$POOLS" /proc/$one/maps'
	daemon_start
	wait_count a quarantined 1
	is "$(client_as $NOBODY take=a)" "$PINNED"
	kill_held $one
	wait_for eval 'client_as $NOBODY take=a | grep -q "^ok "'
}

# --- groups are those of the process ---

# A class for the group `pool-group`, into which the user database puts `pool-member` alone. Both are in files of our own.
group_class() {
	setup
	need_root
	need_mounts
	cp /etc/passwd /etc/group /etc/shadow "$WORK"
	echo "pool-member:x:5101:5101::/:/bin/sh" >>passwd
	echo "pool-other:x:5102:5102::/:/bin/sh" >>passwd
	printf 'pool-member:x:5101:\npool-other:x:5102:\npool-group:x:5100:pool-member\n' >>group
	printf 'pool-member:*:20000:0:99999:7:::\npool-other:*:20000:0:99999:7:::\n' >>shadow
	for file in passwd group shadow; do
		mount --bind $file /etc/$file || fail "mount"
		MOUNTS="$MOUNTS /etc/$file"
	done
	one_class "ready = 2" "groups = pool-group"
	daemon_start
	wait_count a ready 2
}

# What a command gets that has the words of a client behind it.
asked_by() { "$@" "$HELPERS/pool_client" "$RUN/pool.sock" take=a | cut -d' ' -f1; }
admitted() { wait_least a ready 1; is "$(asked_by "$@")" ok; }
refused() { wait_least a ready 1; is "$(asked_by "$@")" "the"; }
export -f group_class asked_by admitted refused

case_groups() {
	group_class
	local member="setpriv --reuid pool-member --regid pool-member"
	local other="setpriv --reuid pool-other --regid pool-other"
	# as somebody logs in
	admitted $member --init-groups
	refused $other --init-groups
	# who has dropped the group has it no longer, whatever the user database says
	refused $member --clear-groups
	# who has it, has it: from a service manager, a parent, or newgrp
	admitted $other --groups 5100
	admitted setpriv --groups 5100 -- $other --keep-groups
	admitted setpriv --reuid pool-other --regid pool-group --clear-groups
	refused $other --groups 5101,5102
	# put into the group just now: from the next login on
	sed 's/^pool-group.*/&,pool-other/' group >later
	cat later >group
	admitted $other --init-groups
	refused $other --clear-groups
}

case_groups_su() {
	group_class
	need su
	as() { su -s /bin/sh "$1" -c '"$@"' -- sh "${@:2}"; }
	export -f as
	admitted as pool-member
	refused as pool-other
}

# Ids are the daemon's, not those of the client's user namespace, where anybody may be root.
case_groups_namespace() {
	group_class
	local inside="unshare --user --map-root-user"
	setpriv --reuid 5102 --regid 5102 --clear-groups $inside true || skip "no user namespaces for users here"
	is "$(setpriv --reuid 5102 --regid 5102 --clear-groups $inside id -u)" 0
	refused setpriv --reuid 5102 --regid 5102 --clear-groups $inside
	admitted setpriv --reuid 5102 --regid 5102 --groups 5100 $inside
	admitted setpriv --reuid 5102 --regid 5100 --clear-groups $inside
	refused setpriv --reuid 5101 --regid 5101 --clear-groups $inside
	# limits too are of who it is outside
	is "$(ask daemon handed_out)" 2
	hold_inside() { exec setpriv --reuid 5102 --regid 5100 --clear-groups $inside "$HELPERS/pool_client" "$RUN/pool.sock" "$@"; }
	hold_inside take=a hold >held & PIDS="$PIDS $!"
	wait_for grep -q ok held
	is "$(ask list | awk '$3 == "leased" { print $7 }')" 5102
}

# --- answers say what was done ---

# What an operator does after that relies on the count.
case_prune_readonly() {
	setup
	need_root
	small_mount small 60M
	conf <<-END
		[pool a]
		directory = $WORK/small
		size = 16M
		ready = 3
	END
	daemon_start
	wait_count a ready 3
	sed -i 's/ready = 3/ready = 1/' vmmallocd.conf
	is "$(ctl prune)" "pools removed: 0"
	mount -o remount,ro "$WORK/small" || fail "remount"
	# without a reload: that removes them by itself
	sed -i '/size/d; s/ready = 1/size = 16M/' vmmallocd.conf
	ask reload
	wait_for eval '[ "$(ask count a failed)" = 2 ]'
	for _ in 1 2; do
		ctl prune >out 2>errors
		is $? 1
		is "$(cat out)" "pools removed: 0"
		is "$(sed 's/pool [0-9a-f]*/pool ID/' errors | sort -u)" \
			"vmmallocctl: pool ID of class 'a' is not removed: Read-only file system"
		is "$(wc -l <errors)" 2
		is "$(ls "$WORK/small" | grep -c vmmalloc-)" 3
	done
	mount -o remount,rw "$WORK/small"
	ctl prune >out 2>errors || fail "$(cat out errors)"
	is "$(tail -n 1 out) $(cat errors)" "pools removed: 2 "
	is "$(ls "$WORK/small" | grep -c vmmalloc-)" 1
	is "$(ctl prune)" "pools removed: 0"
}

# Everything that is told as removed is so when it is told.
case_prune_done() {
	setup
	one_class "ready = 6" "max = 6"
	daemon_start
	wait_count a ready 6
	sed -i 's/^\[pool a\]/[pool b]/; s/ready = 6/ready = 0/' vmmallocd.conf
	ask reload
	ctl prune >out || fail "$(cat out)"
	is "$(ls "$POOLS" | grep -c vmmalloc-)" 0
	is "$(ask list | wc -l)" 0
}

# --- who has given up gets nothing done ---

is_stopped() { grep -q "^State:.*stopped" "/proc/$DAEMON/status"; }
export -f is_stopped

stop_daemon() {
	kill -STOP "$DAEMON"
	wait_for is_stopped
}
export -f stop_daemon

case_stopped() {
	setup
	one_class "ready = 2" "max = 4"
	daemon_start
	wait_count a ready 2
	sed -i 's/ready = 2/ready = 1/; s/max = 4/max = 3/' vmmallocd.conf
	handed=$(ask daemon handed_out)
	stop_daemon
	# the command line waits for 10 seconds, others for as long as they like
	ctl prune >out 2>errors & ctl=$!
	ctl reload >out2 2>errors2 & ctl2=$!
	for _ in 1 2 3; do
		timeout 0.3 "$HELPERS/daemon_ask" "$RUN/control.sock" reload
		is $? 124
		timeout 0.3 "$HELPERS/daemon_ask" "$RUN/control.sock" prune
		is $? 124
	done
	timeout 1 "$HELPERS/pool_client" "$RUN/pool.sock" take=a
	is $? 124
	wait $ctl; is $? 3
	wait $ctl2; is $? 3
	is "$(cat errors out)" "vmmallocctl: no daemon answers at $RUN/control.sock: Connection timed out; it is stopped or busy: vmmallocctl doctor tells more"
	kill -CONT "$DAEMON"
	is "$(ask daemon handed_out)" "$handed"
	! grep -q reloaded log || fail "a reload that was given up is carried out"
	is "$(ask count a ready)" 2
	is "$(ask daemon destroyed)" 0
	# who still waits is answered
	stop_daemon
	ask reload & asker=$!
	client take=a >out & taker=$!
	kill -CONT "$DAEMON"
	wait $asker || fail "reload"
	wait $taker
	is "$(cut -c1-3 out)" "ok "
	grep -q reloaded log || fail "not reloaded"
}

# --- what is shown is so ---

# The time of day is set, by hours and to before 1970: here by a library that the daemon is preloaded with.
case_clock() {
	setup
	interpose clock <<-END
		#define _GNU_SOURCE
		#include <stdio.h>
		#include <sys/syscall.h>
		#include <time.h>
		#include <unistd.h>
		static long offset(void)
		{
			FILE *file = fopen("$WORK/offset", "r");
			long seconds = 0;
			if (file) { fscanf(file, "%ld", &seconds); fclose(file); }
			return seconds;
		}
		int clock_gettime(clockid_t clock, struct timespec *time)
		{
			int r = syscall(SYS_clock_gettime, clock, time);
			if (clock == CLOCK_REALTIME)
				time->tv_sec += offset();
			return r;
		}
		time_t time(time_t *ret)
		{
			struct timespec now;
			clock_gettime(CLOCK_REALTIME, &now);
			if (ret)
				*ret = now.tv_sec;
			return now.tv_sec;
		}
	END
	one_class "ready = 1" "max = 3"
	echo 0 >offset
	LD_PRELOAD=$WORK/clock.so daemon_start
	wait_count a ready 1
	hold take=a map; one=$HELD
	wait_count a ready 1
	for offset in 100000 -1900000000 1900000000; do
		echo $offset >offset
		LC_ALL=C ctl list -n -o AGE | grep -vE '^ *[0-9]s$|^ *[1-5][0-9]s$' && fail "$offset: $(ctl list)"
		# one more comes into its state by the new clock
		hold take=a map; two=$HELD
		kill_held $two
		wait_for eval '[ "$(ask count a leased) $(ask count a ready)" = "1 1" ] || [ "$(ask count a ready)" = 2 ]'
		daemon_end TERM || fail "status $?"
		LD_PRELOAD=$WORK/clock.so daemon_start
		! grep -q "registry .*expected" log || fail "$offset: $(cat log)"
		is "$(ask list | awk '$3 == "leased" { print $6 }')" $one
		LC_ALL=C ctl list -n -o AGE | grep -vE '^ *[0-9]s$|^ *[1-5][0-9]s$' && fail "$offset, started again: $(ctl list)"
	done
	# and a daemon that is started when the clock stands before 1970, with no registry to go by
	echo -1900000000 >offset
	daemon_end TERM
	rm "$STATE/registry.json"
	for _ in 1 2; do
		LD_PRELOAD=$WORK/clock.so daemon_start
		wait_least a ready 1
		LC_ALL=C ctl list -n -o AGE | grep -vE '^ *[0-9]s$|^ *[1-5][0-9]s$' && fail "$(ctl list)"
		daemon_end TERM
	done
	! grep -q "registry .*expected" log || fail "$(cat log)"
}

case_used_up() {
	setup
	one_class "ready = 1" "max = 2"
	daemon_start
	wait_count a ready 1
	hold take=a
	wait_count a ready 1
	is "$(ask problem a)" ""
	hold take=a
	is "$(ask problem a)" "it has as many pools as it may have (max = 2), and none is ready: 2 leased"
	ctl status | grep -q "max = 2.*none is ready: 2 leased" || fail "$(ctl status)"
	is "$(client take=a)" "no pool is ready"
	kill_held $HELD
	wait_count a ready 1
	is "$(ask problem a)" ""
	# who wants none ready has no problem
	sed -i 's/ready = 1/ready = 0/' vmmallocd.conf
	ask reload
	wait_count a ready 0
	is "$(ask problem a)" ""
}

# Pools on hugetlbfs have whole huge pages, and are shown so.
case_hugetlbfs() {
	setup
	need_root
	need_mounts
	take_huge_pages 8
	trap 'clean_up; give_huge_pages' EXIT
	mkdir huge
	mount -t hugetlbfs -o mode=755,pagesize=2M none huge || fail "mount"
	MOUNTS="$MOUNTS $WORK/huge"
	conf <<-END
		[pool a]
		directory = $WORK/huge
		size = 15M
		max = 1
	END
	daemon_start
	wait_count a ready 1
	is "$(ask list | awk '{ print $4 }')" 16777216
	is "$(stat -c %s huge/*.ready)" 16777216
	ctl status | grep -qE '^a +16M ' || fail "$(ctl status)"
	hold take=a map
	is "$(ask list | awk '{ print $4 }')" 16777216
	kill_held $HELD
	wait_count a ready 1
	daemon_end TERM
	daemon_start
	wait_count a ready 1
	is "$(ask list | awk '{ print $4 }')" 16777216
	daemon_end TERM
}

# Paths outlive the directory in which they were said: what is shown of them, and what programs are given.
case_relative() {
	setup
	one_class "ready = 3"
	cd "$WORK" || exit 1
	"$DAEMON_PROGRAM" --config ./vmmallocd.conf --runtime-dir run --state-dir .//state 2>>log &
	DAEMON=$!
	wait_for is_serving
	is "$(ask daemon config) $(ask daemon runtime_dir) $(ask daemon state_dir)" \
		"$WORK/vmmallocd.conf $WORK/run $WORK/state"
	ask reload || fail "reload"
	wait_count a ready 3
	RUN=./run
	[ "$(ctl list -n | wc -l)" -ge 1 ] || fail "list"
	ctl run --class a -- sh -c 'cd / && exec grep -c " rw-s .*/vmmalloc-[0-9a-f]*\.used" /proc/self/maps' >out ||
		fail "the program is not on a pool: $(cat out)"
	RUN=$WORK/run
	daemon_end TERM || fail "status $?"
	[ ! -e run/pool.sock ] && [ -s state/registry.json ] || fail "$(ls run state)"
	# a runtime directory may have a short path that is a long one elsewhere
	mkdir "$(printf '%090d' 0)" && cd 0* || exit 1
	"$DAEMON_PROGRAM" --config "$WORK/vmmallocd.conf" --runtime-dir run --state-dir "$STATE" 2>>"$WORK/log" &
	DAEMON=$!
	RUN=run
	wait_for is_serving
	is "$(ask daemon runtime_dir)" run
	daemon_end TERM || fail "status $?"
}

for how in scrub destroy; do
	run_case "pins: 4 KiB of each huge page, recycle = $how: the pool stays its user's" \
		case_pins $how "fill=1" $((2 << 20))
	run_case "pins: 4 KiB of small pages, recycle = $how: the same" case_pins $how punch $((1 << 20))
done
run_case "pins: who has none gets the next pool at once" case_honest
run_case "pins: some users hold pages, the others are served" case_some_pin
run_case "pins: a restart does not forget whose they are" case_restart
run_case "groups: those of the process count, not those of the user database" case_groups
run_case "groups: su" case_groups_su
run_case "groups: of a process in a user namespace" case_groups_namespace
run_case "prune: on a read-only mount nothing is removed, and that is said, each time" case_prune_readonly
run_case "prune: what is told as removed is gone" case_prune_done
run_case "a stopped daemon: what was given up is not carried out later" case_stopped
run_case "clock: ages are right, and the registry is read, whatever the time of day is set to" case_clock
run_case "paths: relative ones mean the same elsewhere" case_relative
run_case "status: a class that is used up says so" case_used_up
run_case "sizes on hugetlbfs are shown as they are" case_hugetlbfs
end_suite
