# before.bash -- the release before this version, of the commit that it was made of: sourced by the suites that try both.
#
#   $BEFORE, $RELEASE         the commit, and its version
#   need_before_source        ends the case as skipped in what is not a clone with that commit

BEFORE=13a39d38a6e2af96d140797c97e8c2cd4d68bf5f RELEASE=1.2.0
export BEFORE RELEASE

need_before_source() {
	need git
	[ -e "$ROOT/.git" ] || skip "not a clone: $RELEASE is not tried beside this version"
	git -C "$ROOT" cat-file -e "$BEFORE^{commit}" 2>/dev/null || skip "a clone without the commit of $RELEASE"
}
export -f need_before_source
