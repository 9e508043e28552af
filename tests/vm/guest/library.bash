#!/bin/bash
# library.bash NAME DEVICE TYPE FACT... -- in the guest: the library on a pool directory with DAX, made here and left
# mounted on /mnt/NAME.
. "$(dirname "$0")/../../lib/suite.bash"
. "$(dirname "$0")/mounts.bash"
NAME=$1 DEVICE=$2 TYPE=$3
shift 3
FACTS="dax $*" POOL_DIR=/mnt/$NAME
export FACTS

aligned() {
	case $TYPE in
	ext4) dax_mount "$NAME" "$DEVICE" ext4 "${EXT4_ALIGNED[@]}" ;;
	xfs) dax_mount "$NAME" "$DEVICE" xfs "${XFS_ALIGNED[@]}" ;;
	esac || exit 1
}
has_facts() { "$VM_PROGRAMS/dax_facts" "$POOL_DIR" $FACTS; }
aligned
run_case "$TYPE on $DEVICE is $FACTS" has_facts

# A process's heap on the mount, and nothing left there when it ends.
leaves_nothing() { [ -z "$(ls -A "$POOL_DIR" | grep -vE '^(lost\+found|ballast)$')" ] || fail "$(ls -lA "$POOL_DIR")"; }
export -f leaves_nothing
programs() {
	maps() { preload "$@" | grep -qE "rw-s .* $POOL_DIR/.*deleted" || fail "$1 is not on a pool"; }
	maps cat /proc/self/maps
	maps bash -c 'x=$(for i in {1..300}; do echo $i; done | sort -rn | head -n 1); [ "$x" = 300 ] && cat /proc/$$/maps'
	maps python3 -c 'd = {str(i): [i] * 9 for i in range(50000)}; assert sum(map(len, d.values())) == 450000
print(open("/proc/self/maps").read())'
	maps perl -e 'my %h = map { $_ => "x" x ($_ % 99) } 1 .. 50000; die unless keys %h == 50000;
open my $f, "/proc/self/maps"; print <$f>'
	leaves_nothing
}
run_case "$NAME: bash, python3 and perl have their heaps there, and leave nothing" programs

redis() {
	need redis-server redis-cli
	preload exec redis-server --unixsocket "$WORK/redis.sock" --port 0 --dir "$WORK" --save '' >redis.log 2>&1 &
	local server=$! tries=0
	trap 'kill -KILL $server 2>/dev/null' EXIT
	until [ "$(redis-cli -s redis.sock ping 2>/dev/null)" = PONG ]; do
		kill -0 $server && [ $((tries += 1)) -lt 500 ] || { cat redis.log; fail "no answer"; }
		sleep 0.1
	done
	grep -qE "rw-s .* $POOL_DIR/.*deleted" /proc/$server/maps || fail "not on a pool"
	redis-cli -s redis.sock eval 'for i = 1, 20000 do redis.call("set", "key" .. i, string.rep("x", 500)) end' 0 >/dev/null
	[ "$(redis-cli -s redis.sock dbsize)" = 20000 ] || fail "not all keys"
	redis-cli -s redis.sock save >/dev/null || fail "save"
	redis-cli -s redis.sock bgsave >/dev/null
	until redis-cli -s redis.sock info persistence | grep -q 'rdb_bgsave_in_progress:0'; do
		[ $((tries += 1)) -lt 1000 ] || fail "BGSAVE does not end"
		sleep 0.1
	done
	redis-cli -s redis.sock info persistence | grep -q 'rdb_last_bgsave_status:ok' || { cat redis.log; fail "BGSAVE"; }
	redis-cli -s redis.sock shutdown nosave
	wait $server || fail "redis: status $?"
	leaves_nothing
}
run_case "$NAME: redis, with BGSAVE" redis

# Pools laid out for 2 MiB pages get them, though this one has not been warmed: so for what is touched a second time.
huge() {
	VMMALLOC_RESERVE=full VMMALLOC_POOL_SIZE=128M preload "$VM_PROGRAMS/touch_heap" 64 >words || fail "status $?"
	cat words
	[ "$(sed -n 's/^faults //p' words)" -le 40 ] || fail "$(cat words)"
}
# ext4 uses freed space again only when its journal is written: so before the cases that fill it.
run_case "$NAME: 64 MiB of a reserved pool in at most 40 faults" huge

# More heap than the file system has space for, alone and beside a full child: NULL and ENOMEM.
exhaustion() {
	local size
	for size in 3000 2000000; do
		VMMALLOC_POOL_SIZE=2G preload "$VM_PROGRAMS/fill" $size "$@" >count || fail "fill $size $*: status $?"
		echo "$(cat count) MiB in blocks of $size"
		[ "$(cat count)" -ge 16 ] || fail "$(cat count) MiB only"
	done
	leaves_nothing
}
nearly_full() {
	local free=$(($(stat -f -c '%f * %S' "$POOL_DIR") >> 20))
	trap 'rm -f "$POOL_DIR/ballast"' EXIT
	fallocate -l $((free - 64))M "$POOL_DIR/ballast" || fail "no ballast"
	exhaustion
	exhaustion fork
}
export -f exhaustion
run_case "$NAME, nearly full: ENOMEM, also beside a forked child" nearly_full

# Where files can share blocks (XFS with reflink), those of a fork do not: who writes later would need space for that.
full_later() {
	local mode
	trap 'rm -f "$POOL_DIR"/ballast* "$POOL_DIR/clone"' EXIT
	if [ "$TYPE" = xfs ]; then
		head -c 4M /dev/urandom >"$POOL_DIR/ballast"
		cp --reflink=always "$POOL_DIR/ballast" "$POOL_DIR/clone" || fail "no reflink on this file system"
		rm "$POOL_DIR/clone"
	fi
	for mode in auto 2 3; do
		# most of it at once, which is faster; the program takes the rest
		rm -f "$POOL_DIR/ballast"
		sync -f "$POOL_DIR"
		fallocate -l $(($(stat -f -c '%f * %S' "$POOL_DIR") / 1048576 - 128))M "$POOL_DIR/ballast2" || fail "no ballast"
		VMMALLOC_FORK=$mode VMMALLOC_POOL_SIZE=64M preload "$VM_PROGRAMS/fork_then_full" 24 "$POOL_DIR/ballast" >out ||
			fail "VMMALLOC_FORK=$mode: status $? $(cat out)"
		rm "$POOL_DIR/ballast2"
	done
	rm -f "$POOL_DIR/ballast"
	leaves_nothing
}
export TYPE
run_case "$NAME: fork, and the file system fills up: parent and child can write all that they have" full_later

end_suite
