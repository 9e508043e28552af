# packages.mk -- Debian packages: what building needs, and what the tests run or measure besides.

BUILD_PACKAGES := gcc g++ make binutils libc6-dev libjemalloc-dev
TEST_PACKAGES := libcmocka-dev libjemalloc2 procps
