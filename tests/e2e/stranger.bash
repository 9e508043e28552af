#!/bin/bash
# stranger.bash -- an ordinary user installs below his home, as doc/install.md has it, and types every example of the manual
# pages that are installed there. What is for root, and for systemd, tests/vm/inside/boot.bash types.
DEADLINE=${DEADLINE:-300}
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../lib/blocks.bash"

# A tree that was built, a home, and a machine with a /mnt/pmem0 and an empty /dev/shm.
settle() {
	need make gcc
	need_mounts
	mkdir -p home/run
	built_tree tree
	mount -t tmpfs -o mode=1777,size=900m tmpfs /dev/shm && mount -t tmpfs tmpfs /mnt && mkdir -m 1777 /mnt/pmem0 || fail "mount"
	chmod 711 "$WORK/.." "$WORK" && chmod 700 home/run && chown -R nobody home tree || fail "chown"
	as=(setpriv --reuid nobody --regid "$(id -gn nobody)" --clear-groups env -i "HOME=$WORK/home" "XDG_RUNTIME_DIR=$WORK/home/run"
		TERM=dumb LANG=C.UTF-8 "PATH=$WORK/home/.local/bin:$WORK/home/.local/sbin:/usr/bin:/bin")
	MAN=$WORK/home/.local/share/man
}
# typed DIRECTORY [NAME=VALUE...]: the lines on standard input; their words are in ./out and ./err. What they start ends with them.
typed() {
	local directory=$1
	shift
	{ echo 'trap "kill \$(jobs -p) 2>/dev/null || :" EXIT'; cat; } >script
	(cd "$directory" && "${as[@]}" "$@" timeout -k 5 120 bash -e -o pipefail "$WORK/script") >out 2>err </dev/null ||
		fail "status $?: $(cat script out err)"
}
lets_it_be() { sed "s/^sleep 3/until vmmallocctl --runtime-dir run status 2>\/dev\/null | grep -q 1\/1; do sleep 0.1; done/"; }
export -f settle typed lets_it_be

types_all() {
	settle
	block doc/install.md "As an ordinary user" 1 | sed 's/^make/make -s/' | typed tree
	grep -q "^sort (GNU coreutils)" out || fail "$(cat out err)"
	[ -x home/.local/sbin/vmmallocd ] && [ -e home/.config/vmmalloc/vmmallocd.conf ] || fail "$(find home)"

	seq 20000 | tee home/words >/dev/null
	chmod 666 home/words
	# the loader does not look there by itself, as the page says
	block "$MAN/man7/libvmmalloc.7" EXAMPLES 1 | typed home LD_LIBRARY_PATH="$WORK/home/.local/lib"
	[ "$(wc -l <home/sorted)" -eq 20000 ] || fail "sorted"
	# who types takes longer than a shell
	block "$MAN/man7/libvmmalloc.7" EXAMPLES 2 | sed '1a until grep -q vmmalloc /proc/$!/maps \&\& [ -e /proc/$!/fd/900 ]; do sleep 0.1; done' |
		typed home LD_LIBRARY_PATH="$WORK/home/.local/lib"
	grep -qE 'rw-s.*/dev/shm/.*\(deleted\)' out && [ "$(grep -cE '^[0-9]{7} +[0-9]+$' out)" -eq 10 ] || fail "$(cat out err)"
	block "$MAN/man7/libvmmalloc.7" EXAMPLES 3 | typed home
	ls /tmp/vmmalloc.log-* >logs 2>&1 && rm -f /tmp/vmmalloc.log-* || fail "no log"

	block "$MAN/man3/libvmmalloc.3" EXAMPLES 1 >where.c && cp where.c home
	block "$MAN/man3/libvmmalloc.3" EXAMPLES 2 | typed home PKG_CONFIG_PATH="$WORK/home/.local/lib/pkgconfig" \
		LD_LIBRARY_PATH="$WORK/home/.local/lib"
	grep -q '^in the pool: yes, [0-9]* of 67108864 bytes used$' out || fail "$(cat out err)"

	block "$MAN/man8/vmmallocd.8" EXAMPLES 1 | lets_it_be | typed home
	grep -qE '^small +256M' out || fail "$(cat out err)"
	[ -z "$(ls /dev/shm)" ] || fail "left: $(ls /dev/shm)"

	# the class of vmmallocctl(1) is one of a daemon of one's own
	printf '[pool fast]\ndirectory = /mnt/pmem0\nsize = 16M\n' >home/.config/vmmalloc/vmmallocd.conf
	{
		echo 'vmmallocd --user 2>log &'
		echo 'until vmmallocctl wait --class fast --ready 1 2>/dev/null; do sleep 0.1; done'
		echo 'vmmallocctl run --class fast -- sleep 100 & until vmmallocctl list | grep -q leased; do sleep 0.1; done'
		for n in 1 2 3 4 5 6; do
			# what it runs shall end, and who is asked for may not be there
			block "$MAN/man1/vmmallocctl.1" EXAMPLES $n | sed 's/redis-server$/sort --version/; s/--kind refused/&; echo example '$n/
		done
	} | typed home
	grep -q '^example 6' out && [ "$(grep -c '^sort (GNU' out)" -eq 2 ] && grep -qE '^ *[0-9.]+M? +[0-9]+ sleep$' out || fail "$(cat out err)"
	grep -qE '[0-9]+ sleep +own' out || fail "ps: $(cat out err)"

	block doc/install.md "As an ordinary user" 2 | typed tree
	[ "$(find home/.local home/.config ! -path '*/state/*' | sort | tr '\n' ' ')" = \
		"home/.config home/.config/vmmalloc home/.config/vmmalloc/vmmallocd.conf home/.local home/.local/state " ] || fail "left: $(find home)"
}
run_case "installed below a home, and every example of the manual pages typed" types_all
end_suite
