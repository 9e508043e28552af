# fork_modes.bash -- for suites of small programs that fork, behind suite.bash: in_mode MODE PROGRAM [ARGUMENT...]
PROGRAMS=$BUILD/tests/preload
export PROGRAMS

in_mode() {
	local mode=$1 program=$2
	shift 2
	VMMALLOC_FORK=$mode preload "$PROGRAMS/$program" "$@" 2>stderr && [ ! -s stderr ] || { cat stderr; return 1; }
}
export -f in_mode
