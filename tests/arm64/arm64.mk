# arm64.mk -- the library for arm64, built on another machine by Debian's cross compiler, and its tests under emulation.
#
#   make lib CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar NM=aarch64-linux-gnu-nm OBJCOPY=aarch64-linux-gnu-objcopy \
#       JEMALLOC_ARCHIVE=.../libjemalloc_pic.a BUILD=build/arm64/out
#
# is all that the library needs; JEMALLOC_ARCHIVE is that of Debian's libjemalloc-dev for arm64. check-arm64 fetches it.

ARM64 := $(BUILD)/arm64
ARM64_ROOT := $(abspath $(ARM64))/root
ARM64_LIBRARIES := $(ARM64_ROOT)/usr/lib/aarch64-linux-gnu
# What emulation of a process can show; doc/arm64.md says what it cannot, and why.
ARM64_PRELOADED := arena_count arena_destroy arena_race arena_reuse bad_free clone_stack contained descriptors edges \
	entry_points forks fork_figures fork_full fork_roads fork_without_fd full grow jemalloc_names operators replaced_new \
	snapshot thread_on_full vfork_allocates zero_model
ARM64_NOT := dump heap heap_model pool pool_file_create pool_file_pins pool_file_scrub pool_file_warm thaw_model
ARM64_UNITS := $(filter-out $(ARM64_NOT:%=tests/unit/test_%.c),$(UNIT_SOURCES))
ARM64_PROGRAMS := $(ARM64_UNITS:tests/unit/%.c=$(ARM64)/out/tests/unit/%) \
	$(addprefix $(ARM64)/out/tests/preload/,$(ARM64_PRELOADED))
# The sanitizers are not for emulated processes: their shadow memory is where qemu has its own.
ARM64_MAKE = PKG_CONFIG_LIBDIR=$(ARM64_LIBRARIES)/pkgconfig PKG_CONFIG_SYSROOT_DIR=$(ARM64_ROOT) \
	$(MAKE) --no-print-directory BUILD=$(ARM64)/out AR=aarch64-linux-gnu-ar NM=aarch64-linux-gnu-nm \
	CC="aarch64-linux-gnu-gcc --sysroot=$(ARM64_ROOT)" CXX="aarch64-linux-gnu-g++ --sysroot=$(ARM64_ROOT)" \
	OBJCOPY=aarch64-linux-gnu-objcopy JEMALLOC_ARCHIVE=$(ARM64_LIBRARIES)/libjemalloc_pic.a SANITIZE=

.PHONY: arm64 check-arm64
arm64: $(ARM64)/root/fetched ## the library for arm64, cross-built in build/arm64/out
	+$(Q)$(ARM64_MAKE) lib
check-arm64: arm64 ## its tests that an emulated process can run, with pages of 4 and 16 KiB
	+$(Q)$(ARM64_MAKE) $(ARM64_PROGRAMS)
	$(Q)ARM64=$(abspath $(ARM64)) tests/arm64/check.bash $(abspath $(ARM64_PROGRAMS))

$(ARM64)/root/fetched: tests/arm64/fetch.bash tests/arm64/apt.bash
	$(Q)tests/lib/install-packages.bash $(ARM64_PACKAGES)
	$(Q)tests/arm64/fetch.bash $(ARM64) $(ARM64_TARGET_PACKAGES)

# In guests there is a kernel, and so nearly all can be tried: the programs, and what the suites in them need.
ARM64_GUESTS := tests/arm64/guest_4k.bash tests/arm64/guest_16k.bash
.PHONY: check-arm64-guest arm64-guest-deps arm64-guest-programs cross-programs
check-arm64-guest: arm64-guest-deps arm64-guest-programs ## library, daemon and forks in arm64 guests with pages of 4 and 16 KiB
	$(Q)SUITE_DEADLINE=3600 tests/lib/check.bash $(ARM64_GUESTS)
arm64-guest-deps:
	-$(Q)tests/lib/install-packages.bash $(VM_PACKAGES) $(ARM64_GUEST_PACKAGES)
arm64-guest-programs: $(ARM64)/root/fetched
	+$(Q)$(ARM64_MAKE) cross-programs
cross-programs: all $(UNIT_TESTS) $(PRELOAD_PROGRAMS) $(PRELOAD_LIBRARIES) $(INTEGRATION_PROGRAMS)
