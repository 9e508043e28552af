#!/bin/bash
# check_setup.bash -- the commands of doc/dax.md, in a guest with two nodes.
cd "$(dirname "$0")/../.." || exit 1
exec tests/vm/guest.bash --seconds 1800 --pmem 768 --pmem 512 --pmem 256 --nodes 2 tests/vm/guest/setup.bash
