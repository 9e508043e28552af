#!/bin/bash
# check_processors.bash -- library and daemon on a machine with room for 2,048 processors, which is a guest. Its kernel
# refuses the set of 1,024 that programs usually ask with.
cd "$(dirname "$0")/../.." || exit 1
exec tests/vm/guest.bash --append possible_cpus=2048 \
	tests/vm/guest/processors.bash \
	"tests/lib/check.bash \$BUILD/tests/unit/test_daemon_config \$BUILD/tests/unit/test_libc"
