# tests.mk -- make check, and what it runs. A new test is a new file: nothing is listed by hand.
#
#   tests/unit/test_MODULE.c    cmocka, one program a module, under ASan and UBSan. A line "/* objects: a.c b.c */"
#                               names the sources it is linked with, "/* wrap: f g */" what it puts in their place.
#   tests/preload/*.c, *.cc     small programs that run on a pool and exit 0; tests/preload/*.bash drives them
#   tests/e2e/*.bash            real programs

UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/unit/%)
PRELOAD_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/preload/*.c)) \
	$(patsubst tests/%.cc,$(BUILD)/tests/%,$(wildcard tests/preload/*.cc))
SUITES := $(wildcard tests/preload/*.bash tests/e2e/*.bash)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

unit_objects = $(patsubst %.c,$(BUILD)/sanitized/%.o,$(shell sed -n 's|^/\* objects: \(.*\) \*/$$|\1|p' $1))
unit_wraps = $(foreach f,$(shell sed -n 's|^/\* wrap: \(.*\) \*/$$|\1|p' $1),-Wl,--wrap=$f)

.PHONY: check check-unit check-preload check-e2e deps
check: deps ## build everything and run all tests, installing what they need
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)tests/lib/check.bash $(UNIT_TESTS) $(SUITES)
check-unit: $(UNIT_TESTS) ## the unit tests only
	$(Q)tests/lib/check.bash $(UNIT_TESTS)
check-preload: tests ## the library, driven by small programs
	$(Q)tests/lib/check.bash $(wildcard tests/preload/*.bash)
check-e2e: tests ## the library under real programs
	$(Q)tests/lib/check.bash $(wildcard tests/e2e/*.bash)

.PHONY: tests
tests: all $(UNIT_TESTS) $(PRELOAD_PROGRAMS)

deps: ## install the packages that building and testing need
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(TEST_PACKAGES)

$(BUILD)/sanitized/%.o: %.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STD_CFLAGS) $(SANITIZE) -O1 -g -c $< -o $@

$(BUILD)/sanitized/tests/%.o: STD_CFLAGS += -Wno-missing-prototypes

.SECONDEXPANSION:
$(UNIT_TESTS): $(BUILD)/tests/unit/%: $(BUILD)/sanitized/tests/unit/%.o $$(call unit_objects,tests/unit/%.c)
	@echo "  LINK     $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) $^ $(call unit_wraps,tests/unit/$*.c) -lcmocka -pthread -o $@

# -fno-builtin: the compiler may not reason away what the programs are about
$(BUILD)/tests/preload/%: tests/preload/%.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -Iinclude -Wall -Wextra -MMD -MP -O1 -g -fno-builtin $< \
		-pthread -ldl $(shell sed -n 's|^/\* link: \(.*\) \*/$$|\1|p' $<) -o $@

$(BUILD)/tests/preload/%: tests/preload/%.cc
	@echo "  CXX      $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 -I. -Iinclude -Wall -Wextra -MMD -MP -O1 -g -fno-builtin $< -pthread -o $@
