# packages.mk -- Debian packages: what building needs, and what the demo, the tests and the lint run besides.

BUILD_PACKAGES := gcc g++ make binutils libc6-dev libjemalloc-dev
DEMO_PACKAGES := perl-base
LINT_PACKAGES := cppcheck clang-format man-db groff-base
TEST_PACKAGES := libcmocka-dev libjemalloc2 libtcmalloc-minimal4 procps strace pkg-config man-db
