#!/bin/bash
# daemon.bash NAME1 DEVICE1 TYPE1 NAME2 DEVICE2 TYPE2 SPARE_DEVICE -- in the guest: the daemon with classes on two DAX
# mounts, which are made here for 2 MiB pages and left mounted on /mnt/NAME1 and /mnt/NAME2, and on file systems that
# are not made for them.
. "$(dirname "$0")/../../lib/suite.bash"
. "$(dirname "$0")/mounts.bash"
. "$(dirname "$0")/../../integration/helpers/daemon.bash"
CTL=$BUILD/release/vmmallocctl
export CTL ONE=$1 TWO=$4 ONE_TYPE=$3 TWO_TYPE=$6 SPARE=$7
mount_both() {
	local name device type
	for name in "$ONE $1" "$TWO $2"; do
		read -r name device type <<<"$name"
		if [ "$type" = ext4 ]; then
			dax_mount "$name" "$device" ext4 "${EXT4_ALIGNED[@]}"
		else
			dax_mount "$name" "$device" xfs "${XFS_ALIGNED[@]}"
		fi || return
	done
}
mount_both "$2 $3" "$5 $6" || exit 1

# A class "one" and a class "two", each on its mount, with those lines in both.
two_classes() {
	local class
	for class in one two; do
		printf '[pool %s]\ndirectory = %s\n' $class "$([ $class = one ] && echo "/mnt/$ONE" || echo "/mnt/$TWO")"
		printf '%s\n' "$@"
	done >vmmallocd.conf
	printf '[daemon]\npunch_timeout = 1\n' >>vmmallocd.conf
}
# What the daemon made goes; the daemon has ended, or ends now.
sweep() {
	clean_up
	rm -f /mnt/$ONE/vmmalloc-* /mnt/$TWO/vmmalloc-*
}
begin() {
	setup
	trap sweep EXIT
}
touch_heap() { VMMALLOC_SOCKET=$RUN/pool.sock "$CTL" --runtime-dir "$RUN" run --class "$1" -- "$VM_PROGRAMS/touch_heap" 64 >words; }
faults() { sed -n 's/^faults //p' words; }
export -f two_classes sweep begin touch_heap faults

case_cycle() {
	local class round
	begin
	two_classes "size = 32M" "ready = 2" "max = 2"
	daemon_start
	for class in one two; do
		wait_least $class ready 2
		is "$(ask problem $class)" ""
		for round in 1 2 3 4 5; do
			wait_least $class ready 1
			client take=$class map zero fill=$round has=$round >out || fail "status $?"
			is "$(sed 1d out | tr '\n' ' ')" "zero same "
		done
		hold take=$class map fill=9 close fork
		wait_for grep -q child "held.$HELD"
		wait_count $class leased 1
		awk '$1 == "child" { print $2 }' "held.$HELD" >>children
		kill_held "$HELD"
		sleep 0.5
		is "$(ask count $class leased)" 1
		kill -KILL "$(tail -n 1 children)"
		wait_count $class leased 0
		# those that wait have been had by now, and nothing is left in them
		wait_least $class ready 2
		client take=$class map zero | grep -qx zero || fail "not zero"
	done
	wait_for eval '[ "$(ask daemon recycled)" = 14 ]'
	is "$(ask daemon destroyed)" 0
}

# A pool of the daemon's, by the library, in a program: 64 MiB are 32 pages of 2 MiB.
case_huge() {
	local class
	begin
	two_classes "size = 128M" "ready = 1" "max = 1"
	daemon_start
	for class in one two; do
		wait_count $class ready 1
		is "$(ask problem $class)" ""
		touch_heap $class || fail "status $?"
		echo "$class: $(faults) faults"
		[ "$(faults)" -le 40 ] || fail "class $class: $(faults) faults for 64 MiB"
		# the same when it has come back
		wait_count $class leased 0; wait_count $class ready 1
		touch_heap $class || fail "status $?"
		[ "$(faults)" -le 40 ] || fail "class $class, recycled: $(faults) faults for 64 MiB"
	done
	is "$(ask daemon handed_out)" 4
}

# Made when somebody asks, of the size of the programs, and gone with them; on each mount.
case_cold() {
	local class dir i touched
	begin
	two_classes "size = 128M" "ready = 0" "max = 4"
	daemon_start
	for class in one two; do
		dir=/mnt/$([ $class = one ] && echo "$ONE" || echo "$TWO") touched=()
		is "$(ls "$dir" | grep -c vmmalloc-)" 0
		for i in 1 2 3; do
			"$CTL" --runtime-dir "$RUN" run --class $class -- "$VM_PROGRAMS/touch_heap" 64 >words.$i &
			touched+=($!)
		done
		for i in "${touched[@]}"; do wait "$i" || fail "touch_heap on $class: status $?"; done
		cat words.*
		# one of 128 MiB after another, more than the mount has: what a program has not touched is not reserved
		touch_heap $class || fail "status $?"
		wait_count $class leased 0
		wait_for eval '[ "$(ls "'$dir'" | grep -c vmmalloc-)" = 0 ]'
		# all of it has another user's bytes nowhere
		client wait=$class:0 reply map zero fill=5 has=5 >out || fail "status $?"
		is "$(sed 1d out | tr '\n' ' ')" "zero same "
		client wait=$class:0 reply map zero | grep -qx zero || fail "not zero"
		# its blocks are not free while a page of it is held
		hold wait=$class:0 reply map fill=7 pin unmap close waitfor=go.$class pinned
		wait_count $class quarantined 1
		client wait=$class:0 reply map zero fill=8 | grep -qx zero || fail "not zero"
		: >go.$class
		wait_for grep -q pinned "held.$HELD"
		is "$(tail -n 1 "held.$HELD")" "pinned 7"
		kill_held "$HELD"
		wait_count $class quarantined 0
		"$CTL" --runtime-dir "$RUN" run --class $class --on-full=grow -- "$VM_PROGRAMS/touch_heap" 200 >words || fail "a heap of two pools: status $?"
	done
	is "$(ask daemon refused)" 0
	for class in one two; do wait_count $class leased 0; done
	wait_for eval '[ "$(ls /mnt/$ONE /mnt/$TWO | grep -c vmmalloc-)" = 0 ]'
}

plain_class() {
	conf <<-END
		[pool plain]
		directory = /mnt/spare
		size = 80M
		max = 1
	END
	daemon_start
	wait_count plain ready 1
}
# A pool of small pages, and the class says so, and what would be better.
says_what_is_wrong() {
	local words="/mnt/spare: a pool does not lie on 2 MiB boundaries, so that parts of it get 4 KiB pages; a file system made with $1 avoids it while there is room"
	is "$(ask problem plain)" "$words"
	"$CTL" --runtime-dir "$RUN" status | grep -qF "$words" || fail "vmmallocctl status does not say so"
	touch_heap plain || fail "status $?"
	echo "$(faults) faults"
	[ "$(faults)" -gt 500 ] || fail "$(faults) faults: what is said is wrong"
	# for as long as nobody says that it is mended, though the pool may lie better by chance when it comes back
	wait_count plain leased 0; wait_count plain ready 1
	is "$(ask problem plain)" "$words"
	ask reload
	is "$(ask problem plain)" ""
}
export -f plain_class says_what_is_wrong

case_default_xfs() {
	begin
	dax_mount spare "$SPARE" xfs || fail "mount"
	MOUNTS=/mnt/spare
	plain_class
	says_what_is_wrong "mkfs.xfs -d su=2m,sw=1"
}

# Free space in pieces of 1 MiB. ext4 of less than 512 MiB needs a word for 4 KiB blocks.
case_scattered_ext4() {
	begin
	dax_mount spare "$SPARE" ext4 -b 4096 || fail "mount"
	MOUNTS=/mnt/spare
	local i=0
	while fallocate -l 1M /mnt/spare/$i 2>/dev/null; do i=$((i + 1)); done
	rm /mnt/spare/*[13579]
	sync -f /mnt/spare
	plain_class
	says_what_is_wrong "mkfs.ext4 -b 4096 -E stride=512,stripe_width=512"
}

# ext4 looks for good places only in parts of the disk that it has read: after a mount, the one where it begins. Here that
# one has room for half a pool.
case_mounted_afresh() {
	begin
	dax_mount spare "$SPARE" ext4 "$@" || fail "mount"
	MOUNTS=/mnt/spare
	fallocate -l 120M /mnt/spare/x && fallocate -l 60M /mnt/spare/y && fallocate -l 60M /mnt/spare/z && rm /mnt/spare/x ||
		fail "no use of it"
	umount /mnt/spare || fail "umount"
	# nor does it read ahead, as it does some seconds after
	mount -o dax=always,no_prefetch_block_bitmaps "$SPARE" /mnt/spare || fail "mount"
	plain_class
	is "$(ask problem plain)" ""
	touch_heap plain || fail "status $?"
	echo "$(faults) faults"
	[ "$(faults)" -le 40 ] || fail "$(faults) faults for 64 MiB"
}

# vmsplice: the pipe has the page when nobody has the file any more.
case_pinned() {
	local class=$1 first
	begin
	two_classes "size = 32M" "ready = 1" "max = 1"
	daemon_start
	wait_count $class ready 1
	hold take=$class map fill=7 pin unmap close waitfor=go pinned
	first=$HELD
	wait_count $class quarantined 1
	grep -q 'a page of it is pinned' log || fail "no word of it"
	is "$(client take=$class)" "no pool is ready"
	is "$(ls "/mnt/$ONE" "/mnt/$TWO" | grep -c '\.bad$')" 1
	# not even root makes its blocks free while the page is held; and a daemon that starts again knows it
	is "$(ask prune | wc -l)" 0
	daemon_end TERM
	daemon_start
	is "$(ask count $class quarantined)$(ask count $class recycling)" 10
	: >go
	wait_for grep -q pinned "held.$first"
	is "$(tail -n 1 "held.$first")" "pinned 7"
	kill_held "$first"
	# it is tried again 30 s after it was set aside
	wait_count $class ready 1
	client take=$class map zero | grep -qx zero || fail "not zero"
}

# --- no space ---

ballast() {
	# with what ext4 keeps for root, who the daemon is here
	local free=$(($(stat -f -c '%f * %S' "$1") >> 20))
	fallocate -l $((free - $2))M "$1/ballast" && sync -f "$1"
}
export -f ballast

case_full() {
	local mount=$1 class=$2
	begin
	two_classes "size = 32M" "ready = 2" "max = 3"
	trap 'rm -f "$mount/ballast"; sweep' EXIT
	# room for one, and half of another
	ballast "$mount" 48 || fail "no ballast"
	daemon_start
	wait_count $class ready 1
	wait_for eval 'ask problem $class | grep -q .'
	is "$(ask problem $class)" "pool directory $mount: no space left for a pool of 32 MiB"
	client take=$class map zero fill=5 | grep -qx zero || fail "not zero"
	wait_count $class ready 1
	# the last space goes while the pool is in use: it has its own, and comes back to it or is given up, in order
	hold take=$class map fill=6
	ballast_more() { dd if=/dev/zero of="$mount/ballast2" bs=1M 2>/dev/null; sync -f "$mount"; }
	ballast_more
	kill_held "$HELD"
	wait_count $class leased 0
	wait_for eval '[ "$(($(ask count $class ready) + 0))" = 1 ] || ask problem $class | grep -q "no space"'
	rm "$mount/ballast" "$mount/ballast2"
	WAIT_SECONDS=200 wait_count $class ready 2
	# pools that were squeezed in may lie badly, and that is said
	! ask problem $class | grep 'no space' || fail "there is space now"
	client take=$class map zero | grep -qx zero || fail "not zero"
	kill -0 "$DAEMON" || fail "the daemon has ended"
}

# Space that comes and goes while pools are made, warmed, had and recycled, and the registry written.
case_space_changes() {
	begin
	two_classes "size = 32M" "ready = 2" "max = 3" "recycle = destroy"
	STATE=/mnt/$ONE/state
	mkdir "$STATE"
	trap 'kill $thief 2>/dev/null; rm -rf /mnt/*/ballast "$STATE"; sweep' EXIT
	local mount thief class had=0 none=0 round
	(
		while :; do
			for mount in "/mnt/$ONE" "/mnt/$TWO"; do
				rm -f "$mount/ballast"
				ballast "$mount" $((RANDOM % 130 - 2)) 2>/dev/null
				sleep 0.$((RANDOM % 5))
			done
		done
	) &
	thief=$!
	daemon_start
	for round in {1..60}; do
		for class in one two; do
			client take=$class map zero fill=$round has=$round >out || true
			if grep -q '^ok' out; then
				is "$(sed 1d out | tr '\n' ' ')" "zero same "
				had=$((had + 1))
			else
				is "$(head -n 1 out)" "no pool is ready"
				none=$((none + 1))
			fi
		done
	done
	kill $thief; wait $thief
	rm -f /mnt/*/ballast
	echo "$had pools had, none ready $none times"
	grep -i 'no space' log | sort | uniq -c
	[ $had -gt 0 ] && [ "$(grep -c "class 'one'.*no space left" log)" -gt 2 ] &&
		[ "$(grep -c "class 'two'.*no space left" log)" -gt 2 ] || fail "this shows nothing"
	for class in one two; do
		WAIT_SECONDS=200 wait_count $class ready 2
		! ask problem $class | grep 'no space' || fail "there is space now"
		client take=$class map zero | grep -qx zero || fail "not zero"
		wait_count $class leased 0; wait_least $class ready 2
	done
	registry_is_true() {
		[ "$(grep -c '"state": "ready"' "$STATE/registry.json")" = "$(($(ask count one ready) + $(ask count two ready)))" ]
	}
	wait_for registry_is_true
	is "$(ask count one quarantined)$(ask count two quarantined)" 00
}

run_case "classes on $ONE and $TWO: handed out, reclaimed, recycled" case_cycle
run_case "64 MiB of a warm pool on $ONE and on $TWO in at most 40 faults" case_huge
run_case "cold pools on $ONE and $TWO: as large as their programs, and gone with them" case_cold
run_case "default mkfs.xfs: the class says which mkfs line would be better" case_default_xfs
run_case "an ext4 with scattered free space: the class says which mkfs line would be better" case_scattered_ext4
run_case "ext4, mounted afresh: 64 MiB in at most 40 faults" case_mounted_afresh "${EXT4_ALIGNED[@]}"
for class in one two; do
	run_case "a pinned page on $([ $class = one ] && echo "$ONE" || echo "$TWO"): quarantined, and back when it is released" \
		case_pinned $class
done
run_case "$ONE is full: a problem while it lasts" case_full /mnt/$ONE one
run_case "$TWO is full: a problem while it lasts" case_full /mnt/$TWO two
run_case "space comes and goes on $ONE and $TWO: pools are clean, and all there in the end" case_space_changes
end_suite
