#!/bin/bash
# check_huge_pages.bash -- hugetlbfs and huge tmpfs as directories of pools, in a guest: huge pages are taken from
# everybody on the machine. And who pays for memory, with control groups of version 2, which the guest has.
cd "$(dirname "$0")/../.." || exit 1
exec tests/vm/guest.bash --memory 1536M --seconds 1800 tests/vm/guest/huge_pages.bash tests/integration/charges.bash
