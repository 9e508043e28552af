#!/bin/bash
# guest_16k.bash -- in a guest for arm64, with pages of 16 KiB.
exec "$(dirname "$0")/guest.bash" arm64-16k 16384
