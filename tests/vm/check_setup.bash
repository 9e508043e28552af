#!/bin/bash
# check_setup.bash -- the commands of doc/dax.md, in a guest with two nodes, an NVDIMM and a CXL device. The latter needs
# a machine that has no more than 2815 MiB of memory below its devices.
cd "$(dirname "$0")/../.." || exit 1
exec tests/vm/guest.bash --seconds 1800 --memory 2240M --pmem 768 --pmem 256 --pmem 256 --nodes 2 --nvdimm 768 --cxl 512 \
	tests/vm/guest/setup.bash
