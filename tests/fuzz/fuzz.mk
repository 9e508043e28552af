# fuzz.mk -- code that reads what others wrote, given what nobody would write. A new fuzzer is a new file.
#
#   tests/fuzz/fuzz_NAME.c      LLVMFuzzerTestOneInput(); lines "/* objects: ... */" and "/* packages: ... */" as in a
#                               unit test
#   tests/fuzz/corpus/NAME/     what it begins with
#
# make check replays the corpus, with some thousand variations of each file; make fuzz lets clang think of more.

FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_REPLAYS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/tests/fuzz/%)
FUZZ_CLANG ?= clang
FUZZ_SECONDS ?= 60

.PHONY: fuzz-programs fuzz-replay fuzz
fuzz-programs: $(FUZZ_REPLAYS)
fuzz-replay: $(FUZZ_REPLAYS) ## the fuzzers' corpus, replayed with variations
	$(Q)tests/lib/check.bash $(FUZZ_REPLAYS)

$(FUZZ_REPLAYS): $(BUILD)/tests/fuzz/%: $(BUILD)/sanitized/tests/fuzz/%.o $(BUILD)/sanitized/tests/fuzz/replay.o \
		$$(call unit_objects,tests/fuzz/%.c,sanitized)
	@echo "  LINK     $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SANITIZE) -Wl,--start-group $^ -Wl,--end-group $(call unit_packages,tests/fuzz/$*.c) -pthread -o $@

fuzz: $(FUZZ_SOURCES:tests/fuzz/fuzz_%.c=fuzz-%) ## clang's fuzzer on each, FUZZ_SECONDS=60

FUZZ_CFLAGS := -std=gnu11 -I. -D_GNU_SOURCE $(PATHS_CFLAGS) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

$(BUILD)/fuzz/%.o: %.c
	$(Q)command -v $(FUZZ_CLANG) >/dev/null || { echo "make fuzz needs clang"; exit 1; }
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/fuzz/%.a: $$(call room_objects,%,fuzz)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o \
		$$(call unit_objects,tests/fuzz/%.c,fuzz)
	$(Q)$(FUZZ_CLANG) $(FUZZ_CFLAGS) -Wl,--start-group $^ -Wl,--end-group \
		$(call unit_packages,tests/fuzz/$*.c) -pthread -o $@

# What it finds goes to the build directory; what is worth keeping is moved to the corpus by hand.
.PHONY: $(FUZZ_SOURCES:tests/fuzz/fuzz_%.c=fuzz-%)
$(FUZZ_SOURCES:tests/fuzz/fuzz_%.c=fuzz-%): fuzz-%: $(BUILD)/fuzz/fuzz_%
	$(Q)mkdir -p $(BUILD)/fuzz/$*
	$(Q)$(BUILD)/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/fuzz/$*- $(BUILD)/fuzz/$* tests/fuzz/corpus/$*
