# seam.mk -- the library with other jemallocs than the one it is built with: doc/jemalloc.md.
#
#   make check-engines JEMALLOC_TREES="dir..." JEMALLOC_ARCHIVES="file.a file.deb..."
#     ENGINE_VARIANTS="plain prof"   how trees are configured: tests/seam/engines.bash has them all; "all"
#     ENGINE_SUITES="..."            what runs with each, after the build, its self-check and a smoke test
#     ONLY=REGEX                     of those only such cases

ENGINE_VARIANTS ?= plain prof
ENGINE_SUITES ?= $(wildcard tests/preload/*.bash)
JEMALLOC_ARCHIVES ?= $(JEMALLOC_ARCHIVE)

.PHONY: check-engines preload-programs bench-engines
check-engines: ## the library with other jemallocs: JEMALLOC_TREES=... JEMALLOC_ARCHIVES=...
	$(Q)VARIANTS='$(ENGINE_VARIANTS)' SUITES='$(ENGINE_SUITES)' ARCHIVES='$(JEMALLOC_ARCHIVES)' \
		TREES='$(JEMALLOC_TREES)' MAKEFLAGS= tests/seam/engines.bash $(BUILD)/engines
preload-programs: $(PRELOAD_PROGRAMS) $(PRELOAD_LIBRARIES)

# What check-engines has built, all of it or ENGINES="directory...", the first of which is what others are held against.
ENGINES ?= $(patsubst %/release/libvmmalloc.so.1,%,$(wildcard $(BUILD)/engines/*/release/libvmmalloc.so.1))
bench-engines: bench-programs $(BUILD)/tests/bench/engine_steps ## instructions and time with each of those jemallocs
	$(Q)tests/bench/engines.bash $(BUILD)/tests/bench $(patsubst %,%/release/libvmmalloc.so.1,$(abspath $(ENGINES)))

$(BUILD)/tests/bench/engine_steps: $(BUILD)/tests/bench/engine_steps.o
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@
