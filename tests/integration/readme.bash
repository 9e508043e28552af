#!/bin/bash
# readme.bash -- README's first two minutes, and its way back, as they stand there: in a tree that was built just now, by an
# ordinary user, and by root.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"
. "$(dirname "$0")/../lib/blocks.bash"

# as_seen HEADING FILE: what the last command printed is what README shows, but for blanks, what is in use to the last MiB,
# and other people's programs
as_seen() {
	shown README.md "$1" 1 >expected || fail "README shows nothing"
	diff <(unify <expected) <(unify <"$2") || fail "README shows something else"
}
unify() { sed -E 's/\b9[0-9]\.[0-9]M/USED/; s/ +/ /g; s/ $//' | grep -E 'COMMAND|perl|ready' | sort -u; }
export -f as_seen unify

# By whom: root is one of those who read it.
minutes() {
	local who=$1 as=()
	need perl make gcc
	need_mounts
	mount -t tmpfs -o mode=1777,size=900m tmpfs /dev/shm || fail "mount"
	built_tree tree
	if [ "$who" != root ]; then
		chmod 711 "$WORK/.." "$WORK" && chown -R nobody tree || return 1
		as=(setpriv --reuid nobody --regid "$(id -gn nobody)" --clear-groups)
	fi
	# its programs end with it, whatever line fails; a machine that is busy may take longer than it says
	{
		echo 'trap "kill \$(jobs -p) 2>/dev/null || :" EXIT'
		block README.md "First success in one minute" 1 | sed '$ s/$/ >first/'
		block README.md "The daemon in a second minute" 1 | sed '$ s/$/ >second/'
		echo 'cp first second ..; rm first second'
		block README.md "Clean up" 1
	} | sed 's/^make -j4/make -s -j2/' | awk '/^sleep 2/ { $0 = "until in_time_" ++n "; do sleep 0.1; done" } 1' >script
	for line in 'make build-deps' 'vmmallocctl ps' 'vmmallocd --config' 'vmmallocctl list' 'kill '; do
		grep -q "^$line" script || fail "README has another example: $(cat script)"
	done
	chmod 777 . && (cd tree && HOME=$PWD timeout -k 5 100 "${as[@]}" bash -e ../script) >words 2>&1 </dev/null ||
		fail "status $?: $(cat words)"
	! grep -iE 'error|warning|not found' words || fail "$(cat words)"
	as_seen "First success in one minute" first
	as_seen "The daemon in a second minute" second
	is "$(ls -A /dev/shm)" ""
	is "$(cd tree && find . -type f | sed 's|^./||' | LC_ALL=C sort | md5sum)" \
		"$("$ROOT/tests/lib/source-files.bash" | md5sum)"
}
# What a reader waits two seconds for.
in_time_1() { vmmallocctl ps -n -o USED,COMMAND 2>/dev/null | grep -q '^ *9[0-9.]*M perl'; }
in_time_2() { [ -S run/control.sock ]; }
in_time_3() { vmmallocctl list -n -o USED,STATE | grep -q '^ *9[0-9.]*M leased' && vmmallocctl list -n -o STATE | grep -qx ready; }
export -f in_time_1 in_time_2 in_time_3
for who in nobody root; do
	[ "$who" = root ] || [ "$(id -u)" -eq 0 ] || continue
	run_case "two minutes and the way back, typed as they stand by $who" minutes $who
done

# With one ready pool, programs start others: at most 13 of the 16 pools that there may be.
starts_others() {
	need /usr/bin/python3
	setup
	conf <<-CONF
		[pool small]
		directory = $POOLS
		size = 32M
	CONF
	daemon_start
	export VMMALLOC_RUNTIME_DIR=$RUN
	seq 40 >in
	ctl run --class small -- sh -c 'cat in | cat | cat | cat | cat | sort -n | tail -n 1' >out
	ctl run --class small -- bash -c 'for i in 1 2 3; do (echo $(date +%s)); done; /usr/bin/python3 -c "import subprocess; print(subprocess.check_output([\"sh\", \"-c\", \"ls / | wc -l\"]).decode())"' >>out || fail "bash"
	ctl run --class small -- xargs -P 4 -n 1 sh -c 'sleep 0.1; echo $0 | cat' <in | wc -l >>out
	is "$(head -n 1 out) $(tail -n 1 out)" "40 40"
	ctl status >status
	grep -q ' handed out, 0 refused,' status || fail "$(cat status)"
}
run_case "with one ready pool, programs start others" starts_others
end_suite
