#!/bin/bash
# guest_4k.bash -- in a guest for arm64, with pages of 4 KiB.
exec "$(dirname "$0")/guest.bash" arm64 4096
