#!/bin/bash
# lint.bash -- what a reader should be able to rely on. Each part also runs alone.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
complain() { echo "lint: $*"; failed=1; }

for part in layers picture exports versions text messages; do
	tests/lint/$part.bash || failed=1
done
tests/abi/check.bash || failed=1

# --- cppcheck ---
if command -v cppcheck >/dev/null; then
	# A weak symbol is not an uninitialised variable, nor is what the kernel fills through an iovec. Newer ones also say
	# how far they looked, which is no finding. cppcheck.cfg has what they do not know.
	cppcheck --quiet --std=c11 --enable=warning,portability --error-exitcode=1 -I. -DVMMALLOC_{SYSCONFDIR,RUNSTATEDIR,STATEDIR,LIB_FROM_BIN}='"/x"' --library=tests/lint/cppcheck.cfg \
		--suppress=legacyUninitvar:libvmmalloc/exports/operators.c --suppress=uninitvar:libvmmalloc/start/handout_client.c \
		--suppress=uninitvar:vmmallocd/files/header.c --suppress=normalCheckLevelMaxBranches \
		common libvmmalloc vmmallocd || complain "cppcheck"
fi

[ $failed -eq 0 ] && echo "lint: nothing to say"
exit $failed
