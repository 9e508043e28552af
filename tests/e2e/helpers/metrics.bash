# metrics.bash -- what the suites of vmmallocctl metrics share, beside tests/integration/helpers/daemon.bash.
#
#   value SAMPLE [FILE]       of a sample in `metrics` or FILE, as it is written before its value
#   scrape                    what the daemon says now, in `metrics`
#   shows SAMPLE VALUE        whether that is so by now
#   refused STATUS LINE ARGUMENT...   that exit status, that one line, and nothing on standard output
#   valid_open FILE           OpenMetrics, by the parser that goes with its specification, and by Prometheus's
#   valid_plain FILE          the older format, by Prometheus's linter
#   serve [LINE...]           a daemon with a class "a", of which one pool is ready
#   listen WHERE              an exporter in the background; $EXPORTER is its pid
#   get, answers ARGUMENT...  curl; whether it got anything

CTL=$BUILD/${FLAVOUR:-release}/vmmallocctl
# Debian's own, which has the parser
PYTHON=/usr/bin/python3
export CTL PYTHON
unset VMMALLOC_RUNTIME_DIR VMMALLOC_POOL VMMALLOC_POOL_DIR VMMALLOC_POOL_SIZE VMMALLOC_SOCKET LD_PRELOAD XDG_RUNTIME_DIR

value() { grep -F "$1 " "${2:-metrics}" | awk -v sample="$1" 'index($0, sample " ") == 1 { print substr($0, length(sample) + 2) }'; }
scrape() { ctl metrics >metrics 2>words || fail "exit status $?: $(cat words)"; }
shows() { scrape && [ "$(value "$1")" = "$2" ]; }
refused() {
	local expected=$1 line=$2 status
	shift 2
	timeout 20 "$CTL" --runtime-dir "$WORK/run" metrics "$@" >out 2>err
	status=$?
	[ $status -eq "$expected" ] || fail "metrics $*: exit status $status: $(cat out err)"
	is "$(cat err)" "$line"
	[ ! -s out ] || fail "metrics $*: printed $(cat out)"
}
valid_open() {
	"$PYTHON" -c 'import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(len(list(parse(sys.stdin.read()))))' <"$1" >parsed 2>wrong || return 1
	sed -E '/^#/!s/$/ 1700000000/' "$1" >timed
	rm -rf blocks && promtool tsdb create-blocks-from openmetrics timed blocks >wrong 2>&1
}
valid_plain() { promtool check metrics <"$1" >wrong 2>&1 && [ ! -s wrong ]; }
need_checkers() {
	need promtool
	"$PYTHON" -c 'import prometheus_client.openmetrics.parser' 2>/dev/null || skip "no prometheus_client for $PYTHON here"
}
serve() {
	setup
	one_class 'ready = 1' 'max = 4' "$@"
	daemon_start
	wait_count a ready 1
}
listen() {
	local where=$1
	shift
	"$@" "$CTL" --runtime-dir "$RUN" metrics --listen "$where" >exporter 2>&1 &
	EXPORTER=$!
	PIDS="$PIDS $EXPORTER"
}
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo $port; return; }
	done
}
get() { curl -s --max-time 15 "$@"; }
answers() { get "$@" >answer; }
export -f value scrape shows refused valid_open valid_plain need_checkers serve listen free_port get answers
