#!/bin/bash
# hostile.bash -- a real daemon among those who would stop it: tenants that make the kernel wait, strangers by the
# thousand, files that go away under it, and a machine that refuses it one thing after another.
. "$(dirname "$0")/../lib/suite.bash"

if [ "$(id -u)" -eq 0 ] && [ -z "${OWN_MOUNTS-}" ] && unshare -m --propagation private true 2>/dev/null; then
	rm -rf "$SUITE_TMP"
	OWN_MOUNTS=1 exec unshare -m --propagation private "$0" "$@"
fi
export OWN_MOUNTS
. "$(dirname "$0")/helpers/daemon.bash"

need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root, to be several users"; }

one_class() {
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 16M
		$(printf '%s\n' "$@")
	END
}

# A file system of that type on $WORK/NAME.
disk_mount() {
	local type=$1 name=$2
	[ -n "${OWN_MOUNTS-}" ] || skip "mounting is not allowed here"
	need "mkfs.$type"
	mkdir "$WORK/$name" && truncate -s 512M "$WORK/$name.image" || fail "no space"
	"mkfs.$type" -q "$WORK/$name.image" || fail "mkfs.$type"
	mount -o loop "$WORK/$name.image" "$WORK/$name" || skip "no $type here"
	MOUNTS="$MOUNTS $WORK/$name"
}
export -f need_root one_class disk_mount

# --- tenants that make the kernel wait ---

# A tenant whose write to its pool holds the file's lock for as long as it likes. $SERVER ends that.
hold_hung() {
	mkdir "$WORK/hung.$1" && chmod 777 "$WORK/hung.$1"
	# here it may be root's alone; as a rule it is everybody's
	[ -e fuse ] || { mknod fuse c 10 229 && chmod 666 fuse; } || skip "no device nodes here"
	exec 9>starting
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$HELPERS/hung_memory" "$WORK/fuse" "$WORK/hung.$1" \
		"$HELPERS/pool_client" "$RUN/pool.sock" take=a map writefrom="$WORK/hung.$1/file" >&9 9>&- &
	HELD=$!
	exec 9>&-
	mv starting "held.$HELD"
	wait_for grep -qxE 'reading|unshare.*|open.*|mount.*' "held.$HELD"
	grep -qx reading "held.$HELD" || skip "no file system of one's own here: $(cat "held.$HELD")"
	SERVER=$(awk '$1 == "server" { print $2 }' "held.$HELD")
	PIDS="$PIDS $SERVER $HELD"
}
export -f hold_hung

case_hung_writer() {
	local first
	setup
	need_root
	disk_mount "$1" disk
	POOLS=$WORK/disk
	one_class "ready = 2" "max = 6"
	daemon_start
	wait_count a ready 2
	hold_hung 1; first=$SERVER
	hold_hung 2
	wait_count a ready 2
	# what is known without waiting is told, the others and their pools go on
	is "$(timeout 10 "$HELPERS/daemon_ask" "$RUN/control.sock" list | grep -c " leased ")" 2
	for _ in 1 2 3 4 5 6; do
		wait_least a ready 1
		is "$(client take=a map zero fill=3 | tail -n 1)" zero
	done
	is "$(timeout 10 "$HELPERS/daemon_ask" "$RUN/control.sock" prune | grep -c leased)" 0
	# another daemon finds them as they are, though the tenants cannot be killed
	kill -KILL "$HELD"
	daemon_end KILL
	daemon_start
	is "$(ask list | awk '$3 == "leased" { print $2, $7, $8 }' | sort -u)" "a $NOBODY pool_client"
	is "$(ask count a leased)" 2
	wait_least a ready 2
	daemon_end KILL
	rm -f "$STATE/registry.json"
	daemon_start
	is "$(ask list | grep -c " leased ")" 2
	wait_least a ready 2
	kill -HUP "$DAEMON"
	wait_for grep -q reloaded: log
	daemon_end TERM || fail "exit status $?"
	daemon_start
	kill -KILL "$SERVER" "$first"
	wait_count a leased 0
	wait_least a ready 2
	is "$(client take=a map zero | tail -n 1)" zero
}

# A descriptor that is sent along is closed by who receives it, or throws it away: the last close of such a socket takes
# as long as its owner said.
case_lingering() {
	setup
	one_class "ready = 1"
	if [ -n "${1-}" ]; then
		need cc
		cat >old.c <<-END
			#include <errno.h>
			#include <sys/syscall.h>
			#include <unistd.h>
			int setsockopt(int fd, int level, int name, const void *value, unsigned length)
			{
				/* SO_PASSRIGHTS */
				if (name == 83)
					return errno = ENOPROTOOPT, -1;
				return syscall(SYS_setsockopt, fd, level, name, value, length);
			}
		END
		cc -w -shared -fPIC -o old.so old.c || fail "cc"
		LD_PRELOAD=$WORK/old.so daemon_start
	else
		daemon_start
	fi
	wait_count a ready 1
	for bytes in 104 5 5000; do
		"$HELPERS/pool_client" "$RUN/pool.sock" connect linger=$bytes >out &
		PIDS="$PIDS $!"
		"$HELPERS/pool_client" "$RUN/control.sock" connect linger=$bytes >>out &
		PIDS="$PIDS $!"
		# and those whose connection the daemon ends
		"$HELPERS/pool_client" "$RUN/pool.sock" connect linger=$bytes linger=$bytes connect linger=$bytes hold >>out &
		PIDS="$PIDS $!"
	done
	wait_for eval '[ "$(wc -l <out)" -ge 4 ]'
	for _ in 1 2 3 4 5; do
		is "$(timeout 10 "$HELPERS/daemon_ask" "$RUN/control.sock" daemon pid)" "$DAEMON"
		wait_least a ready 1
		is "$(timeout 10 "$HELPERS/pool_client" "$RUN/pool.sock" take=a map zero | tail -n 1)" zero
	done
	daemon_end TERM || fail "exit status $?"
}
export -f case_lingering

for type in xfs ext4 btrfs; do
	run_case "a tenant's write to its pool hangs, on $type: the others notice nothing" case_hung_writer $type
done
run_case "a descriptor that is sent along and takes a minute to close stops nobody" case_lingering
run_case "the same on a kernel that cannot refuse it" case_lingering old
end_suite
