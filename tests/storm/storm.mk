# storm.mk -- the daemon in a storm: tenants and the daemon itself are killed at random, see storm.c.
#
#   make storm STORM_SECONDS=300 STORM_SEED=1      STORM_SECOND_DIR=DIR: half of the classes on another file system

STORM_PROGRAMS := $(addprefix $(BUILD)/tests/storm/,storm client program)
STORM_SECONDS ?= 300
SUITES += tests/storm/storm.bash

.PHONY: storm
storm: $(DAEMON) $(CTL) $(RELEASE_LIB) $(STORM_PROGRAMS) ## daemon and clients, killed at random, STORM_SECONDS=300
	$(Q)STORM_SECONDS=$(STORM_SECONDS) tests/storm/storm.bash

tests: $(STORM_PROGRAMS)

$(BUILD)/tests/storm/storm: $(addprefix tests/storm/,storm.c tenants.c pins.c real.c service.c account.c)
$(BUILD)/tests/storm/client: tests/storm/client.c tests/storm/tenant.c common/base/handout.c common/base/text.c
$(BUILD)/tests/storm/program: tests/storm/program.c tests/storm/tenant.c
$(STORM_PROGRAMS): tests/storm/storm.h tests/storm/tenant.h tests/storm/driver.h
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -MMD -MP,$(STD_CFLAGS)) -O2 -g $(filter %.c,$^) $(shell pkg-config --libs jansson) -o $@
