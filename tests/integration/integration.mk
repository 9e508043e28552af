# integration.mk -- the daemon as a process: tests/integration/*.bash drive it with the programs in helpers/*.c.

INTEGRATION_PROGRAMS := $(patsubst tests/integration/helpers/%.c,$(BUILD)/tests/integration/%,\
	$(wildcard tests/integration/helpers/*.c))
SUITES += $(wildcard tests/integration/*.bash)

.PHONY: check-integration
check-integration: $(DAEMON) $(INTEGRATION_PROGRAMS) ## the daemon, with clients of all kinds
	$(Q)tests/lib/check.bash $(wildcard tests/integration/*.bash)

SANITIZED_PROGRAMS := $(foreach f,asan tsan,$(BUILD)/$f/vmmallocd $(BUILD)/$f/vmmallocctl)

.PHONY: check-sanitized
check-sanitized: $(SANITIZED_PROGRAMS) $(INTEGRATION_PROGRAMS) $(STORM_PROGRAMS) lib ## the daemon and its command line under sanitizers
	$(Q)tests/lib/check-sanitized.bash asan tsan

tests: $(DAEMON) $(INTEGRATION_PROGRAMS)

$(BUILD)/tests/integration/%: tests/integration/helpers/%.c common/base/handout.c common/base/text.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(STD_CFLAGS)) -O1 -g $^ $(shell pkg-config --libs jansson) -o $@
