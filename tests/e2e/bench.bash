#!/bin/bash
# bench.bash -- the benchmark itself, with next to no work: what it writes is whole, and becomes tables and plots.
. "$(dirname "$0")/../lib/suite.bash"
export BENCH=$BUILD/tests/bench/bench

quick_run() { "$BENCH" --library "$LIBRARY" --dir "$POOL_DIR" --rounds 1 --percent 2 \
	--sections start_up,workloads "$@" 2>errors; }
small_run() { quick_run --only 'glibc,libvmmalloc,other build' --other "$LIBRARY" --baseline glibc --json bench.json "$@"; }

# expect_json EXPRESSION WORDS
expect_json() { jq -e "$1" bench.json >/dev/null || { jq "$1" bench.json | head -n 20; fail "$2"; }; }

# Of workloads and programs: every cell has its figures, and those on a pool have its file's.
expect_cells() {
	expect_json ".$1.results | length > 0" "no rows"
	expect_json "[.$1.results[][]] | all(.failure == null)" "a run has failed"
	expect_json "[.$1.results[][] | .median, .ratio, .user_s, .system_s, .faults, .peak_kib, .file_kib]
		| all(type == \"number\")" "a figure that is none"
	expect_json "[.$1.results[][] | .median, .faults, .peak_kib] | all(. > 0)" "a figure of nothing"
}

export -f quick_run small_run expect_json expect_cells

case_json() {
	need jq
	local dir
	dir=$(mktemp -d "$POOL_DIR/vmmalloc-bench-test.XXXXXX")
	small_run --dir "$dir" >tables || { cat errors tables; rm -rf "$dir"; fail "bench"; }
	rmdir "$dir" || { ls -R "$dir"; rm -rf "$dir"; fail "something is left in its directory"; }
	expect_cells workloads
	# the figures do not get mixed up: with a heap on a file there is a file
	expect_json '.workloads.results.cache | .libvmmalloc.file_kib > 1000 and .glibc.file_kib == 0' "no file, or one too many"
	expect_json '.workloads.results | to_entries | all(.value | keys == ["glibc", "libvmmalloc", "other build"])' "columns"
	expect_json '.workloads.results | has("batches")' "no batches"
	expect_json '.versions.glibc | test("^[0-9.]+$")' "no version"
	expect_json '.workloads.baseline == "glibc"' "the baseline"
	"$ROOT/tests/bench/report.bash" bench.json >report || fail "report"
	grep -Eq '^cache +glibc +[0-9]' report || { cat report; fail "no costs of cache"; }
	grep -q 'where it loses' report || { cat report; fail "no losses"; }
}

# Losses are not left to chance here: the figures are made up.
case_losses() {
	need jq
	cat >bench.json <<-'END'
		{ "workloads": { "unit": "seconds", "baseline": "glibc", "results": {
			"won": { "glibc": { "median": 2, "peak_kib": 9, "faults": 5 }, "libvmmalloc": { "median": 1, "peak_kib": 8, "faults": 5 } },
			"lost": { "glibc": { "median": 1, "peak_kib": 9, "faults": 5 }, "jemalloc": { "median": 4, "peak_kib": 9, "faults": 5 },
				"libvmmalloc": { "median": 3, "peak_kib": 8, "faults": 5 } } } } }
	END
	"$ROOT/tests/bench/report.bash" bench.json >report || fail "report"
	sed -n '/^elapsed time/,/^$/p' report >losses
	grep -Eq '^  workloads +lost +libvmmalloc +glibc 3\.00$' losses || { cat report; fail "the loss is not shown"; }
	! grep -Eq 'won|jemalloc' losses || { cat report; fail "what it has won is among its losses"; }
	grep -q 'largest resident memory: nowhere' report || { cat report; fail "losses of memory"; }
}

case_plots() {
	need jq gnuplot
	local name
	small_run >tables || { cat errors tables; fail "bench"; }
	"$ROOT/tests/bench/plots.bash" bench.json plots >said || fail "plots"
	for name in workloads-time workloads-cpu workloads-memory workloads-faults; do
		grep -q '^<svg' "plots/$name.svg" && grep -q '</svg>' "plots/$name.svg" || fail "$name.svg"
		[ "$(head -c 4 "plots/$name.png" | tail -c 3)" = PNG ] || fail "$name.png"
		for word in batches "other build" "geometric mean" "ratio to glibc"; do
			grep -q "$word" "plots/$name.svg" || fail "$name.svg says nothing of '$word'"
		done
	done
	[ ! -e plots/programs-time.svg ] || fail "a plot of nothing"
}

# Programs on a pool of their own, and on a warm one, become a section of the same file.
case_programs() {
	need jq perl
	[ -x "$BUILD/tests/integration/daemon_ask" ] || skip "the daemon's helpers are not built"
	echo '{}' >bench.json
	ROUNDS=1 PERCENT=5 WARM_POOLS=1 "$ROOT/tests/bench/programs.bash" --json bench.json perl >said 2>errors ||
		{ cat said errors; exit 1; }
	jq -e '.programs.results.perl | .["libvmmalloc own"].file_kib > 0 and .["libvmmalloc warm"].file_kib > 0
		and .glibc.file_kib == 0 and all(.failure == null and .median > 0 and .peak_kib > 0)' bench.json >/dev/null ||
		{ cat said bench.json; exit 1; }
	grep -q '^perl ' said || { cat said; exit 1; }
}

# refused OPTION... -- with one line, which has the last of them in it
refused() {
	"$BENCH" --library "$LIBRARY" "$@" >/dev/null 2>errors
	[ $? -eq 2 ] && [ "$(wc -l <errors)" -eq 1 ] && grep -qF -- "${!#}" errors || { cat errors; fail "not refused: $*"; }
}
export -f refused
case_refused() {
	refused --only glib
	refused --only glibc,
	refused --baseline jem
	refused --variant 'glib A=B'
	refused --rounds 0
	refused --sections workload
	refused --percent 1x
	refused --other /nonexistent/libvmmalloc.so.1
	refused word
}

[ -x "$BENCH" ] || { echo "skipped: the benchmark is not built"; exit 0; }
run_case "a run writes every figure of every cell, and a report of it" case_json
run_case "what it loses is shown, what it wins is not" case_losses
run_case "plots are drawn of what was written" case_plots
run_case "programs on pools become a section" case_programs
run_case "options that say nothing are refused in one line" case_refused
end_suite
