#!/bin/bash
# directories.bash -- relative paths in the environment go on meaning what they meant, also in other directories.
. "$(dirname "$0")/../lib/suite.bash"

elsewhere() {
	mkdir pools lib
	ln -s "$LIBRARY" lib/libvmmalloc.so.1
	VMMALLOC_POOL_DIR=pools VMMALLOC_POOL_SIZE=16M LD_PRELOAD=lib/libvmmalloc.so.1 \
		bash -c 'cd / && cat /proc/self/maps; ls /no/such; true' >maps 2>said
	grep -q "rw-s.* $WORK/pools/.*(deleted)" maps || { cat said; fail "no pool in the child"; }
	grep -v 'ls: cannot access' said && fail "said more"
	return 0
}
run_case "children that changed directory make their pools where their parent did" elsewhere

logs() {
	mkdir pools logs other
	LIBRARY=$BUILD/debug/libvmmalloc.so.1 VMMALLOC_POOL_DIR=pools VMMALLOC_POOL_SIZE=16M VMMALLOC_LOG_LEVEL=2 \
		VMMALLOC_LOG_FILE=logs/x- preload bash -c 'cd other; (cd /; true) & wait; ls >/dev/null' || return
	[ "$(ls logs | wc -l)" -ge 3 ] || fail "logs: $(ls logs)"
	[ -z "$(ls other)" ] || fail "elsewhere: $(ls other)"
}
run_case "logs of forked and of new processes lie where the first one's does" logs

gone() {
	local said
	mkdir removed && cd removed && rmdir ../removed
	said=$(VMMALLOC_POOL_DIR=. VMMALLOC_POOL_SIZE=16M LD_PRELOAD=$LIBRARY /bin/true 2>&1)
	case $said in 'Error (libvmmalloc): pool creation failed: '*) ;; *) fail "said: $said" ;; esac
}
run_case "a directory that was removed is said in one line" gone

end_suite
