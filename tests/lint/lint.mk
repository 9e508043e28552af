# lint.mk -- what `make lint` needs besides the programs: of each object the facts that tests/lint/layers.awk judges.
# They are made with the flags that the object was made with, and again whenever the object is.

LINT := $(BUILD)/lint
PROGRAM_OBJECTS := $(sort $(DAEMON_SOURCES:%.c=$(BUILD)/program/%.o) $(CTL_SOURCES:%.c=$(BUILD)/program/%.o))
FACTS := $(patsubst $(BUILD)/%.o,$(LINT)/%.facts,$(RELEASE_OBJECTS) $(DEBUG_OBJECTS) $(PROGRAM_OBJECTS))

.PHONY: facts
facts: $(FACTS)
	$(Q)echo $(FACTS) >$(LINT)/list

$(LINT)/release/%.facts: FACTS_CFLAGS = $(LIB_CFLAGS)
$(LINT)/debug/%.facts: FACTS_CFLAGS = $(LIB_CFLAGS) -DVMM_DEBUG
$(patsubst $(BUILD)/%.o,$(LINT)/%.facts,$(SEAM_OBJECTS)): LIB_CFLAGS += $$(cat $(JEMALLOC_DIR)/traits)
$(LINT)/program/%.facts: FACTS_CFLAGS = $(PROGRAM_CFLAGS)

$(LINT)/%.facts: $(BUILD)/%.o tests/lint/facts.bash tests/lint/paths.awk
	$(Q)mkdir -p $(@D)
	$(Q)tests/lint/facts.bash $< $(call source_of,$*).c $(CC) $(filter-out -MMD -MP,$(FACTS_CFLAGS)) $(CFLAGS) >$@.new
	$(Q)mv $@.new $@

# release/libvmmalloc/heap/heap -> libvmmalloc/heap/heap
source_of = $(patsubst program/%,%,$(patsubst debug/%,%,$(patsubst release/%,%,$1)))

SUITES += tests/lint/violations.bash
tests: facts

.PHONY: lint
lint: ## layers, exports, imports, style
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(LINT_PACKAGES)
	$(Q)$(MAKE) --no-print-directory lib debug daemon ctl
	$(Q)tests/lint/lint.bash
