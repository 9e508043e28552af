# tests.mk -- make check, and what it runs. A new test is a new file: nothing is listed by hand.
#
#   tests/unit/test_MODULE.c    cmocka, one program a module, under ASan and UBSan; each TEST() in it is run, see test.h
#                               there. A line "/* objects: a.c b/ */" names what it is linked with: sources, and
#                               folders, of which it gets what it calls. "/* wrap: f g */" names what faults.h or the
#                               test replaces, "/* packages: jansson libuv */" what pkg-config shall add.
#   tests/preload/*.c, *.cc     small programs that run on a pool and exit 0; tests/preload/*.bash drives them
#   tests/e2e/*.bash            real programs

UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/unit/%)
PRELOAD_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/preload/*.c)) \
	$(patsubst tests/%.cc,$(BUILD)/tests/%,$(wildcard tests/preload/*.cc))
PRELOAD_LIBRARIES := $(addprefix $(BUILD)/tests/preload/libraries/,allocates.so initfirst.so atfork_first.so \
	atfork_allocates.so large_page.so forks_twice.so cxx_plugin.so wraps_all.so wraps_dlsym.so waits.so runpath/only_by_runpath.so)
SUITES := $(wildcard tests/preload/*.bash tests/e2e/*.bash)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# What a test or fuzzer is linked with, built in a flavour: $(call unit_objects,FILE,FLAVOUR).
unit_objects = $(addprefix $(BUILD)/$2/,$(patsubst %.c,%.o,$(patsubst %/,%.a,\
	$(shell sed -n 's|^/\* objects: \(.*\) \*/$$|\1|p' $1))))
# Its rooms are archives, of which the linker takes what is called for. What only the debug build has is in none.
room_sources = $(filter-out tests/unit/test_% $(filter-out $(LIB_SOURCES),$(DEBUG_SOURCES)),$(wildcard $1/*.c))
room_objects = $(patsubst %.c,$(BUILD)/$2/%.o,$(call room_sources,$1))
unit_wraps = $(foreach f,$(shell sed -n 's|^/\* wrap: \(.*\) \*/$$|\1|p' $1),-Wl,--wrap=$f)
unit_packages = $(shell sed -n 's|^/\* packages: \(.*\) \*/$$|\1|p' $1 | xargs -r pkg-config --libs)

# As many at a time as there are processors, if make was not told a number.
JOBS := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: check check-unit check-preload check-e2e build-deps deps
check: deps ## build everything and run all tests, installing what they need
	$(Q)$(MAKE) --no-print-directory $(JOBS) tests
	$(Q)tests/lib/check.bash $(UNIT_TESTS) $(FUZZ_REPLAYS) $(SUITES)
check-unit: $(UNIT_TESTS) ## the unit tests only
	$(Q)tests/lib/check.bash $(UNIT_TESTS)
check-preload: tests ## the library, driven by small programs
	$(Q)tests/lib/check.bash $(wildcard tests/preload/*.bash)
check-e2e: tests ## the library under real programs
	$(Q)tests/lib/check.bash $(wildcard tests/e2e/*.bash)

.PHONY: check-pages
check-pages: ## the library with a jemalloc for pages of 16 and of 64 KiB, JEMALLOC_SRC=DIR
	$(Q)[ -d "$(JEMALLOC_SRC)" ] || { echo "JEMALLOC_SRC=$(JEMALLOC_SRC): expected a source tree of jemalloc" >&2; exit 1; }
	$(Q)status=0; for lg in 14 16; do \
		$(MAKE) --no-print-directory BUILD=$(BUILD)/page$$lg JEMALLOC_SRC=$(JEMALLOC_SRC) \
			JEMALLOC_CONFIGURE="$(JEMALLOC_CONFIGURE) --with-lg-page=$$lg" tests && \
		BUILD='$(abspath $(BUILD))'/page$$lg tests/lib/check.bash $(wildcard tests/preload/*.bash) || status=1; \
	done; exit $$status

.PHONY: tests
tests: all $(UNIT_TESTS) fuzz-programs preload-programs

build-deps: ## install the packages that building needs
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES)
deps: ## install the packages that building and testing need
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(TEST_PACKAGES)

$(BUILD)/sanitized/%.o: %.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STD_CFLAGS) $(SANITIZE) -O1 -g -c $< -o $@

$(BUILD)/sanitized/tests/%.o: STD_CFLAGS += -Wno-missing-prototypes -Wno-write-strings -Werror=unused-function

.SECONDEXPANSION:
$(BUILD)/sanitized/%.a: $$(call room_objects,%,sanitized)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# What the unit tests share is a room that is named by none.
$(UNIT_TESTS): $(BUILD)/tests/unit/%: $(BUILD)/sanitized/tests/unit/%.o $(BUILD)/sanitized/tests/unit/test.o \
		$(BUILD)/sanitized/tests/unit.a $$(call unit_objects,tests/unit/%.c,sanitized)
	@echo "  LINK     $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) -Wl,--start-group $^ -Wl,--end-group $(call unit_wraps,tests/unit/$*.c) \
		$(call unit_packages,tests/unit/$*.c) -lcmocka -pthread -o $@

# Linked with the library for its own functions, but for three; a line "/* link: ... */" adds to that. -fno-builtin:
# the compiler may not reason away what the programs are about.
PRELOAD_FLAGS := -I. -Iinclude -Wall -Wextra -Wno-alloc-size-larger-than -MMD -MP -O1 -g -fno-builtin
PRELOAD_LINK := $(RELEASE_LIB) '-Wl,-rpath,$(abspath $(BUILD)/release)' -pthread
# Loaded by those programs; initfirst.so and atfork_*.so run their constructors before libc's.
$(BUILD)/tests/preload/libraries/%.so: tests/preload/libraries/%.c
	$(Q)mkdir -p $(@D) && $(CC) -shared -fPIC -Wall $< -o $@
$(BUILD)/tests/preload/libraries/%.so: tests/preload/libraries/%.cc
	$(Q)mkdir -p $(@D) && $(CXX) -shared -fPIC -Wall -fno-builtin $< -o $@
$(BUILD)/tests/preload/libraries/wraps_all.so: tests/preload/libraries/wraps_all.c
	$(Q)mkdir -p $(@D) && $(CC) -shared -fPIC -w -ffreestanding -O1 -fno-stack-protector $< -o $@
$(BUILD)/tests/preload/libraries/initfirst.so: tests/preload/libraries/allocates.c
$(BUILD)/tests/preload/libraries/atfork_first.so: tests/preload/libraries/atfork_first.c
$(BUILD)/tests/preload/libraries/atfork_allocates.so: tests/preload/libraries/atfork_allocates.c
$(BUILD)/tests/preload/libraries/large_page.so: tests/preload/libraries/large_page.c
$(addprefix $(BUILD)/tests/preload/libraries/,initfirst.so atfork_first.so atfork_allocates.so large_page.so):
	$(Q)mkdir -p $(@D) && $(CC) -shared -fPIC -Wall -Wl,-z,initfirst $< -o $@
$(BUILD)/tests/preload/libraries/runpath/only_by_runpath.so: $(BUILD)/tests/preload/libraries/allocates.so
	$(Q)mkdir -p $(@D) && cp $< $@
$(BUILD)/tests/preload/early: $(BUILD)/tests/preload/libraries/initfirst.so
$(BUILD)/tests/preload/early: PRELOAD_LINK += '$(abspath $(BUILD)/tests/preload/libraries/initfirst.so)'
$(addprefix $(BUILD)/tests/preload/,bad_free hello late peak refused_start): PRELOAD_LINK :=
$(BUILD)/tests/preload/dlopen: PRELOAD_LINK += '-Wl,-rpath,$(abspath $(BUILD)/tests/preload/libraries/runpath)'

$(BUILD)/tests/preload/%: tests/preload/%.c $(RELEASE_LIB)
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(PRELOAD_FLAGS) $< $(PRELOAD_LINK) \
		$(shell sed -n 's|^/\* link: \(.*\) \*/$$|\1|p' $<) -o $@

$(BUILD)/tests/preload/%: tests/preload/%.cc $(RELEASE_LIB)
	@echo "  CXX      $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 $(PRELOAD_FLAGS) -Wno-sized-deallocation $< $(PRELOAD_LINK) -o $@

$(BUILD)/tests/demo/%: tests/demo/%.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STD_CFLAGS) $(CFLAGS) $< -o $@
