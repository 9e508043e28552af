# bench.mk -- make bench: the library beside other allocators. Those that are not installed are left out.
#
#   make bench BENCH_FLAGS="--quick --json build/bench.json"     build/tests/bench/bench --help says what there is

BENCH_PACKAGES := libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 libmemkind0 valgrind
BENCH_FLAGS ?= --json $(BUILD)/bench.json

BENCH_PROGRAMS := $(BUILD)/tests/bench/bench $(BUILD)/tests/bench/workloads
BENCH_OBJECTS := $(patsubst %,$(BUILD)/tests/bench/%.o,allocators bench child results results_print sections)
WORKLOAD_OBJECTS := $(patsubst %,$(BUILD)/tests/bench/%.o,workloads workload_shapes workload_small workload_threads)

.PHONY: bench bench-programs
bench: bench-programs lib ## compare speed with other allocators, installing those (about 4 minutes)
	$(Q)tests/lib/install-packages.bash $(BENCH_PACKAGES) || echo "allocators that are not installed are left out"
	$(Q)$(BUILD)/tests/bench/bench --library $(RELEASE_LIB) $(BENCH_FLAGS)
	$(Q)$(MAKE) --no-print-directory bench-fork

bench-programs: $(BENCH_PROGRAMS)

# -fno-builtin-*: the compiler may not reason away an allocation
$(BUILD)/tests/bench/%.o: tests/bench/%.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(STD_CFLAGS) -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free $(CFLAGS) \
		-c $< -o $@

$(BUILD)/tests/bench/bench: $(BENCH_OBJECTS)
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -lm -o $@

$(BUILD)/tests/bench/workloads: $(WORKLOAD_OBJECTS)
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -pthread -o $@

.PHONY: bench-fork
bench-fork: $(BUILD)/tests/bench/fork_cost lib ## what a fork costs, beside glibc's (about a minute)
	$(Q)tests/bench/fork.bash $(BUILD)/tests/bench/fork_cost $(abspath $(RELEASE_LIB))

$(BUILD)/tests/bench/fork_cost: $(BUILD)/tests/bench/fork_cost.o
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@
