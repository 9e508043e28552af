#!/bin/bash
# readme.bash -- README's "The daemon in two minutes", as it stands there, and programs that start others beside it.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"

# What is to be typed; the lines behind `run` come after the one that runs a program.
typed() {
	sed -n '/^## The daemon in two minutes/,/^As a service/p' "$ROOT/README.md" | sed -n '/^```sh/,/^```/p' | grep -v '^```' |
		sed -e "/^vmmallocctl run/r $1" -e 's/^sleep 3/until [ -S run\/control.sock ]; do sleep 0.1; done; sleep 3/'
}
export -f typed

as_it_stands() {
	need /usr/bin/python3
	need_mounts
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm || fail "mount"
	cat >more <<-'END'
		seq 40 >in
		vmmallocctl run --class small -- sh -c 'cat in | cat | cat | cat | cat | sort -n | tail -n 1' >out
		vmmallocctl run --class small -- bash -c 'for i in 1 2 3; do (echo $(date +%s)); done; /usr/bin/python3 -c "import subprocess; print(subprocess.check_output([\"sh\", \"-c\", \"ls / | wc -l\"]).decode())"' >>out
		# at most 13 of the 16 that there may be
		vmmallocctl run --class small -- xargs -P 4 -n 1 sh -c 'sleep 0.1; echo $0 | cat' <in | wc -l >>out
		vmmallocctl status >status
		vmmallocctl list >list
	END
	# its daemon ends with it, whatever line fails; a machine that is busy may take longer than it says
	{ echo 'trap "kill \$(jobs -p) 2>/dev/null || :" EXIT'; typed more; } >script
	grep -q '^vmmallocd --config' script && grep -q '^vmmallocctl run --class small' script && grep -q '^kill %1' script ||
		fail "README has another example: $(cat script)"
	PATH=$BUILD/${FLAVOUR:-release}:$PATH bash -e script <<<'a line' >words 2>&1 || fail "status $?: $(cat words)"
	is "$(head -n 1 out) $(tail -n 1 out)" "40 40"
	grep -q ' handed out, 0 refused,' status || fail "$(cat status)"
	grep -qE '^small +256M +[01]/1 ' words || fail "$(cat words)"
	! grep -i error words || fail "$(cat words)"
	is "$(ls /dev/shm)" ""
	[ ! -e run ] && [ ! -e state ] && [ ! -e my.conf ] || fail "left: $(ls)"
}
run_case "typed as it stands; with one ready pool, programs start others" as_it_stands
end_suite
