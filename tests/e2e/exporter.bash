#!/bin/bash
# exporter.bash -- vmmallocctl metrics --output and --listen: files that are always whole, and HTTP for clients of all
# kinds.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../integration/helpers/daemon.bash"
. "$(dirname "$0")/helpers/metrics.bash"

# --- a file ---

file() {
	need_checkers
	serve
	(umask 077; ctl metrics --output vmmalloc.prom) || fail "exit status $?"
	is "$(stat -c %a vmmalloc.prom)" 644
	valid_plain vmmalloc.prom || fail "$(cat wrong)"
	ctl metrics --format openmetrics --output vmmalloc.txt && valid_open vmmalloc.txt || fail "openmetrics"
	is "$(echo vmmalloc*)" "vmmalloc.prom vmmalloc.txt vmmallocd.conf"
	# what cannot be written leaves what was there
	local old
	old=$(cat vmmalloc.prom)
	refused 1 "vmmallocctl: $WORK/none/x: No such file or directory" --output "$WORK/none/x"
	mkdir vmmalloc.prom.tmp
	ctl metrics --output vmmalloc.prom 2>err
	is "$? $(cat err)" "1 vmmallocctl: vmmalloc.prom: Is a directory"
	rmdir vmmalloc.prom.tmp
	is "$(cat vmmalloc.prom)" "$old"
	# a FIFO or a device, or what leads to one, stays what it is
	mkfifo fifo && ln -s fifo link
	for kind in fifo link; do
		refused 2 "vmmallocctl: --output ($kind): expected a file, or a name that nothing has" --output $kind
	done
	[ -p fifo ] && [ -L link ] && rm fifo link || fail "$(ls -l)"
	: >said && ln -s /proc/self/fd/1 link
	for name in said link; do
		ctl metrics --output $name >said 2>err
		is "$? $(cat err)" "2 vmmallocctl: --output ($name): that is standard output; leave --output out"
	done
	[ -L link ] && [ ! -s said ] && rm link said || fail "$(ls -l)"
	# a link that stands in its place is replaced, and what it leads to is left alone
	echo mine >other && ln -sf other vmmalloc.prom && ctl metrics --output vmmalloc.prom
	[ "$(cat other)" = mine ] && [ ! -L vmmalloc.prom ] || fail "a link was followed"
}
run_case "a file for node_exporter" file

# Whoever reads it finds it whole, also while it is written, and by one that is killed; and it says that the daemon is down.
interval() {
	serve
	local writer reads=0 rounds=0
	while [ $rounds -lt 3 ]; do
		rounds=$((rounds + 1))
		"$CTL" --runtime-dir "$RUN" metrics --output "$WORK/vmmalloc.prom" --interval 1 2>>err &
		writer=$!
		PIDS="$PIDS $writer"
		wait_for test -e vmmalloc.prom
		for i in {1..60}; do
			tail -n 1 vmmalloc.prom | grep -q '^vmmalloc_directory_free_inodes{.*} [0-9]*$' || fail "half a file: $(tail -n 1 vmmalloc.prom)"
			reads=$((reads + 1))
		done
		kill_held $writer
	done
	[ ! -s err ] || fail "$(cat err)"
	"$CTL" --runtime-dir "$RUN" metrics --output "$WORK/vmmalloc.prom" --interval 1 2>err &
	writer=$!
	PIDS="$PIDS $writer"
	daemon_end TERM
	wait_for grep -qx 'vmmalloc_up 0' vmmalloc.prom
	daemon_start
	wait_for grep -qx 'vmmalloc_up 1' vmmalloc.prom
	# it is said once, and once that it is over
	is "$(sed 's/: No such.*//; s/: Connection.*//' err | uniq)" "vmmallocctl: no daemon answers at $RUN/control.sock
vmmallocctl: the file is written, and the daemon answers"
	kill -TERM $writer
	wait $writer || fail "exit status $?"
}
run_case "a file that is written again and again is always whole" interval

# --- HTTP ---

http() {
	need curl
	need_checkers
	serve
	local port where
	port=$(free_port)
	where=127.0.0.1:$port
	listen $where
	wait_for answers http://$where/metrics
	# as Prometheus 2.42 asks
	get -D head -o metrics -H 'Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1' http://$where/metrics
	grep -q '^HTTP/1.1 200 ' head && grep -qix $'content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r' head || fail "$(cat head)"
	valid_open metrics || fail "$(cat wrong)"
	get -D head -o plain http://$where/metrics
	grep -qix $'content-type: text/plain; version=0.0.4; charset=utf-8\r' head || fail "$(cat head)"
	valid_plain plain || fail "$(cat wrong)"
	is "$(get -I -o /dev/null -w '%{http_code}' http://$where/metrics)" 200
	is "$(get -o /dev/null -w '%{http_code}' http://$where/)" 404
	is "$(get -o /dev/null -w '%{http_code}' http://$where/metrics/../etc/passwd --path-as-is)" 404
	is "$(get -o /dev/null -w '%{http_code}' -d x=y http://$where/metrics)" 405
	is "$(get -o /dev/null -w '%{http_code}' -X DELETE http://$where/metrics)" 405
	is "$(get -o /dev/null -w '%{http_code}' "http://$where/metrics?x=y")" 200
	# the address is taken
	refused 1 "vmmallocctl: --listen ($where): Address already in use" --listen $where
	# a daemon that is down is a figure; it is said once, and once that it is over
	daemon_end TERM
	is "$(get http://$where/metrics | grep -v '^#')" "vmmalloc_up 0"
	is "$(get http://$where/metrics | grep -v '^#')" "vmmalloc_up 0"
	daemon_start
	get http://$where/metrics | grep -qx 'vmmalloc_up 1' || fail "the daemon is back"
	is "$(cat exporter)" "vmmallocctl: no daemon answers at $RUN/control.sock: No such file or directory; start one: vmmallocd --runtime-dir $RUN
vmmallocctl: the daemon answers again"
	# one that does not answer keeps nobody for longer than Prometheus waits
	kill -STOP $DAEMON
	is "$(get --max-time 9 http://$where/metrics | grep -v '^#')" "vmmalloc_up 0"
	kill -CONT $DAEMON
	kill -TERM $EXPORTER
	wait $EXPORTER || fail "exit status $?"
}
run_case "by HTTP, in the format that a client asks for" http

http_limits() {
	need curl
	serve
	local port where fds=() fd
	port=$(free_port)
	where=127.0.0.1:$port
	listen $where
	wait_for answers http://$where/metrics
	# clients that say nothing, or half of it, or no HTTP, or too much
	for i in {1..20}; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port" || fail "connect"
		fds+=($fd)
		case $((i % 4)) in
		1) printf 'GET /metrics HTTP/1.1\r\nHost:' >&$fd ;;
		2) printf '\0\1\2\n\n\r\n\r\n' >&$fd ;;
		3) (head -c 100000 /dev/zero | tr '\0' a >&$fd) 2>/dev/null ;;
		esac
	done
	get -f http://$where/metrics | grep -qx 'vmmalloc_up 1' || fail "others are kept waiting"
	# more than there may be: they are turned away, and those that say nothing are closed soon
	for i in {1..80}; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$port" || fail "connect"
	done
	! answers -f http://$where/metrics || fail "there is no limit"
	wait_for answers -f http://$where/metrics
	[ "$(ls /proc/$EXPORTER/fd | wc -l)" -lt 100 ] || fail "descriptors: $(ls /proc/$EXPORTER/fd | wc -l)"
	# many at once
	for i in {1..25}; do
		get -f -o "got.$i" http://$where/metrics &
		PIDS="$PIDS $!"
	done
	for i in {1..25}; do
		wait_for grep -qxs 'vmmalloc_up 1' "got.$i"
	done
	! grep -q . exporter || fail "$(cat exporter)"
}
run_case "clients that are slow, or many, or speak no HTTP" http_limits

http_socket() {
	need curl
	serve
	listen "$WORK/socket"
	wait_for answers --unix-socket socket http://x/metrics
	refused 1 "vmmallocctl: --listen ($WORK/socket): Address already in use" --listen "$WORK/socket"
	# a socket that its owner left is taken over, and a file that is none is not
	kill -KILL $EXPORTER
	wait $EXPORTER 2>/dev/null
	[ -S socket ] || fail "no socket is left"
	listen "$WORK/socket"
	wait_for answers --unix-socket socket http://x/metrics
	kill -INT $EXPORTER
	wait $EXPORTER || fail "exit status $?"
	[ ! -e socket ] || fail "the socket is still there"
	echo mine >socket
	refused 1 "vmmallocctl: --listen ($WORK/socket): Address already in use" --listen "$WORK/socket"
	is "$(cat socket)" mine
	# IPv6
	[ -e /proc/net/if_inet6 ] || return 0
	local port
	port=$(free_port)
	listen "[::1]:$port"
	wait_for answers -g "http://[::1]:$port/metrics"
}
run_case "by HTTP on a socket" http_socket

no_library() {
	[ "${FLAVOUR:-release}" = release ] || skip "a sanitizer's library wants to be first"
	interpose no_library <<-'END'
		#include <string.h>
		static int failed;
		void *dlopen(const char *name, int flags) { failed = 1; return 0; }
		char *dlerror(void) { return "libmicrohttpd.so.12: cannot open shared object file"; }
	END
	LD_PRELOAD=$WORK/no_library.so "$CTL" metrics --listen 127.0.0.1:9 2>err
	is "$? $(cat err)" "1 vmmallocctl: --listen needs libmicrohttpd: libmicrohttpd.so.12: cannot open shared object file"
	# and nothing else does
	! ldd "$CTL" | grep -q microhttpd || fail "it is linked"
}
run_case "without libmicrohttpd there is one line, and all else works" no_library

end_suite
