#!/bin/bash
# prometheus.bash -- a real Prometheus reads what vmmallocctl metrics serves: the alerts fire, and each expression of the
# dashboard has an answer.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../integration/helpers/daemon.bash"
. "$(dirname "$0")/helpers/metrics.bash"

MONITORING=$ROOT/systemd/monitoring
export MONITORING

rules() {
	need promtool
	cp "$MONITORING/vmmalloc.rules.yml" "$ROOT/tests/e2e/helpers/vmmalloc.rules.test.yml" .
	promtool check rules vmmalloc.rules.yml >out 2>&1 || fail "$(cat out)"
	promtool test rules vmmalloc.rules.test.yml >out 2>&1 || fail "$(cat out)"
	# each alert is in that test, and names only metrics that there are
	local alert metric
	for alert in $(sed -n 's/.*- alert: //p' vmmalloc.rules.yml); do
		grep -q "alertname=\"$alert\"" vmmalloc.rules.test.yml || fail "$alert is not tested"
	done
	for metric in $(grep -oh 'vmmalloc_[a-z_]*' vmmalloc.rules.yml "$MONITORING/vmmalloc-dashboard.json" | sed -E 's/_bucket$//' | sort -u); do
		grep -q "^| \`$metric\` " "$ROOT/doc/metrics.md" || fail "$metric: there is no such metric"
	done
	# what is spoilt is seen
	sed -i 's/== 0$/== 7/' vmmalloc.rules.yml
	! promtool test rules vmmalloc.rules.test.yml >out 2>&1 || fail "other rules are as good"
}
run_case "each alert fires when it should, and not before" rules

# ask_prometheus EXPRESSION: its answer, JSON
ask_prometheus() { get --data-urlencode "query=$1" "http://127.0.0.1:$PROMETHEUS/api/v1/query"; }
has_answer() { ask_prometheus "$1" >answer && grep -q '"status":"success"' answer && grep -q '"metric":' answer; }
fires() { get "http://127.0.0.1:$PROMETHEUS/api/v1/alerts" >alerts && grep -q "\"alertname\":\"$1\"[^}]*\"class\":\"a\"" alerts && grep -q '"state":"firing"' alerts; }
export -f ask_prometheus has_answer fires

scraped() {
	need prometheus curl
	need python3
	serve 'cold = no' 'on_memory_pressure = release'
	local port expression
	port=$(free_port)
	PROMETHEUS=$(free_port)
	export PROMETHEUS
	listen 127.0.0.1:$port
	# at once instead of in minutes
	sed 's/for: .*/for: 0s/' "$MONITORING/vmmalloc.rules.yml" >rules.yml
	cat >prometheus.yml <<-END
		global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }
		rule_files: [rules.yml]
		scrape_configs:
		  - { job_name: vmmalloc, static_configs: [{ targets: ['127.0.0.1:$port'] }] }
	END
	prometheus --config.file=prometheus.yml --storage.tsdb.path="$WORK/tsdb" --web.listen-address=127.0.0.1:$PROMETHEUS \
		>prometheus.log 2>&1 &
	PIDS="$PIDS $!"
	wait_for has_answer vmmalloc_up || fail "$(tail prometheus.log)"
	hold take=a
	client take=nothing >words
	wait_count a ready 1
	wait_for has_answer 'vmmalloc_handouts_total{class="a",kind="warm"} == 1'
	# it has asked for OpenMetrics: the other format has no units
	wait_for eval 'get "http://127.0.0.1:$PROMETHEUS/api/v1/metadata?metric=vmmalloc_used_bytes" | grep -q "\"unit\":\"bytes\""'
	get "http://127.0.0.1:$PROMETHEUS/api/v1/metadata?metric=vmmalloc_class" | grep -q '"type":"info"' || fail "types"
	# all that is printed is there
	scrape
	is "$(ask_prometheus 'count({__name__=~"vmmalloc_.*"})' | grep -o '"[0-9]*"\]' | tr -dc 0-9)" "$(grep -vc '^#' metrics)"
	get "http://127.0.0.1:$PROMETHEUS/api/v1/targets" | grep -q '"health":"up"' || fail "$(get "http://127.0.0.1:$PROMETHEUS/api/v1/targets")"
	"$PYTHON" -c '
import json, sys
board = json.load(open(sys.argv[1]))
names = {v["name"] for v in board["templating"]["list"]}
assert names == {"datasource", "instance", "class"}, names
for panel in board["panels"]:
    assert panel["title"] and panel["targets"], panel
    for target in panel["targets"]:
        print(target["expr"].replace("$instance", ".*").replace("$class", ".*").replace("$__rate_interval", "5s"))
' "$MONITORING/vmmalloc-dashboard.json" >expressions || fail "the dashboard"
	[ "$(wc -l <expressions)" -ge 20 ] && ! grep '\$' expressions || fail "$(cat expressions)"
	while read -r expression; do
		wait_for has_answer "$expression" || fail "$expression: $(cat answer)"
	done <expressions
	! has_answer 'vmmalloc_no_such_metric' || fail "anything has an answer"

	# short: all that there may be are held
	! fires VmmallocClassShort || fail "$(cat alerts)"
	hold take=a
	wait_count a ready 1
	hold take=a
	wait_count a ready 1
	hold take=a
	wait_count a ready 0
	wait_for fires VmmallocClassShort
	kill_held $HELD
	wait_for eval '! fires VmmallocClassShort'
	# and a daemon that is down
	daemon_end TERM
	wait_for eval 'get "http://127.0.0.1:$PROMETHEUS/api/v1/alerts" | grep -q VmmallocDown'
}
run_case "a Prometheus scrapes it, an alert fires, and the dashboard has data" scraped

end_suite
