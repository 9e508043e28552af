# bench.mk -- make bench: the library beside other allocators. Those that are not installed are left out.
#
#   make bench BENCH_FLAGS=--quick                build/tests/bench/bench --help says what there is
#   make bench-quick OTHER=/path/libvmmalloc.so.1  for a change under way: beside another build of the library

BENCH_PACKAGES := libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 libtbbmalloc2 libmemkind0 valgrind \
	gnuplot-nox jq
BENCH_FLAGS ?=
BENCH_JSON ?= $(BUILD)/bench.json

BENCH_PROGRAMS := $(patsubst %,$(BUILD)/tests/bench/%,bench workloads measure)
BENCH_OBJECTS := $(patsubst %,$(BUILD)/tests/bench/%.o,allocators bench child heap_files library_version options \
	results results_print sections)
WORKLOAD_OBJECTS := $(patsubst %,$(BUILD)/tests/bench/%.o,workloads workload_shapes workload_small workload_threads)

.PHONY: bench bench-allocators bench-report bench-quick bench-programs
bench: bench-allocators ## compare speed with other allocators, installing those (about 35 minutes)
	$(Q)$(MAKE) --no-print-directory bench-real
	$(Q)$(MAKE) --no-print-directory bench-report
	$(Q)$(MAKE) --no-print-directory bench-first-touch bench-locks bench-fork bench-fork-servers bench-heaps \
		bench-peaks bench-daemon

bench-allocators: bench-programs lib
	$(Q)tests/lib/install-packages.bash $(BENCH_PACKAGES) || echo "allocators that are not installed are left out"
	$(Q)$(BUILD)/tests/bench/bench --library $(RELEASE_LIB) --json $(BENCH_JSON) $(BENCH_FLAGS)

bench-report: ## what the last run's figures say: costs, losses, and plots in build/bench
	$(Q)tests/bench/report.bash $(BENCH_JSON)
	$(Q)tests/bench/plots.bash $(BENCH_JSON) $(BUILD)/bench || [ $$? -eq 77 ]

# bench-programs are what the benchmark is built of; these are other people's.
BENCH_REAL_PACKAGES := redis-server redis-tools python3 perl sqlite3 postgresql
.PHONY: bench-real
bench-real: bench-programs $(INTEGRATION_PROGRAMS) daemon lib ## real programs, on a pool and on a warm one (about 2 minutes)
	$(Q)tests/lib/install-packages.bash jq $(BENCH_REAL_PACKAGES) || echo "programs that are not installed are left out"
	$(Q)tests/bench/programs.bash $(if $(wildcard $(BENCH_JSON)),--json $(BENCH_JSON)) || [ $$? -eq 77 ]

$(BUILD)/tests/bench/measure: $(patsubst %,$(BUILD)/tests/bench/%.o,measure child heap_files)
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@

# The ratios are to the other build, if there is one: below 1 the tree's own is better.
QUICK_ONLY := glibc,jemalloc,libvmmalloc,libvmmalloc 64M,other build
QUICK_OTHER = $(if $(OTHER),--other '$(OTHER)' --baseline 'other build')
bench-quick: bench-programs lib ## the same in 2 minutes, beside glibc, jemalloc and OTHER=FILE, another build
	$(Q)$(BUILD)/tests/bench/bench --library $(RELEASE_LIB) --quick --rounds 3 --only '$(QUICK_ONLY)' $(QUICK_OTHER) \
		--json $(BUILD)/bench-quick.json $(BENCH_FLAGS)
	$(Q)tests/bench/report.bash $(BUILD)/bench-quick.json

bench-programs: $(BENCH_PROGRAMS)
tests: $(BENCH_PROGRAMS)

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

.PHONY: bench-locks
bench-locks: $(BUILD)/tests/bench/workloads lib ## how often threads take locks, counted (about 2 minutes)
	$(Q)tests/bench/locks.bash $(BUILD)/tests/bench/workloads $(RELEASE_LIB) || [ $$? -eq 77 ]

.PHONY: bench-first-touch
bench-first-touch: $(BUILD)/tests/bench/first_touch lib ## first touch of 1 GiB, beside other allocators (about 2 minutes)
	$(Q)tests/bench/first_touch.bash $(BUILD)/tests/bench/first_touch $(RELEASE_LIB)

$(BUILD)/tests/bench/first_touch: $(patsubst %,$(BUILD)/tests/bench/%.o,first_touch tlb_model)
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@

.PHONY: bench-large
bench-large: $(BUILD)/tests/bench/large_blocks lib ## large blocks that grow, are cleared, are aligned: counted (about 5 minutes)
	$(Q)tests/bench/large_blocks.bash $(BUILD)/tests/bench/large_blocks $(RELEASE_LIB) || [ $$? -eq 77 ]

$(BUILD)/tests/bench/large_blocks: $(BUILD)/tests/bench/large_blocks.o
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@

.PHONY: bench-fork
bench-fork: $(BUILD)/tests/bench/fork_cost $(BUILD)/tests/bench/fork_scale lib ## what a fork costs, beside glibc's (about 2 minutes)
	$(Q)tests/bench/fork.bash $(BUILD)/tests/bench/fork_cost $(abspath $(RELEASE_LIB))

$(BUILD)/tests/bench/fork_cost: $(BUILD)/tests/bench/fork_cost.o
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@

$(BUILD)/tests/bench/fork_scale: $(BUILD)/tests/bench/fork_scale.o
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -pthread -o $@

FORKING_PACKAGES := libjemalloc2 postgresql redis-server redis-tools python3
.PHONY: bench-fork-servers
bench-fork-servers: lib ## servers that fork while they work, beside glibc and jemalloc (about 2 minutes)
	$(Q)tests/lib/install-packages.bash $(FORKING_PACKAGES) || echo "servers that are not installed are left out"
	$(Q)tests/bench/fork_servers.bash

.PHONY: bench-heaps
bench-heaps: $(BUILD)/tests/bench/heap_cost $(BUILD)/tests/bench/fork_cost bench-programs lib ## what many pools, or tiers, cost in one heap (about 2 minutes)
	$(Q)tests/bench/heaps.bash

$(BUILD)/tests/bench/heap_cost: $(BUILD)/tests/bench/heap_cost.o
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@

.PHONY: bench-peaks
bench-peaks: lib ## what is left of a peak of memory, beside glibc and jemalloc (about 2 minutes)
	$(Q)tests/bench/peaks.bash $(RELEASE_LIB)

# What a program's extents would take of a pool under other rules: extent_sim has the heap's own free ranges in it.
EXTENT_SIM := $(BUILD)/tests/bench/extent_sim
EXTENT_SIM_OBJECTS := $(patsubst %,$(BUILD)/tests/bench/%.o,extent_sim extent_log extent_heap extent_places) \
	$(BUILD)/release/libvmmalloc/heap/ranges.o
EXTENT_PROGRAMS ?= redis python cc1 sqlite postgres phases cache lifetimes vectors strings server

.PHONY: bench-extents
bench-extents: $(EXTENT_SIM) $(BUILD)/tests/bench/peak_memory $(BUILD)/tests/bench/size_phases bench-programs lib debug ## pool bytes for each live byte, beside jemalloc and other rules of placement (about 5 minutes)
	$(Q)tests/bench/extents.bash $(RELEASE_LIB) $(DEBUG_LIB) $(EXTENT_PROGRAMS)

# tests/preload/extents.bash runs these
preload-programs: $(EXTENT_SIM) $(BUILD)/tests/bench/size_phases $(BUILD)/tests/bench/workloads

$(EXTENT_SIM): $(EXTENT_SIM_OBJECTS)
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@

$(BUILD)/tests/bench/peak_memory: $(BUILD)/tests/bench/heap_files.o
$(BUILD)/tests/bench/peak_memory $(BUILD)/tests/bench/size_phases: %: %.o
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@

# The daemon: its programs share daemon_take; registry_cost has the daemon's own modules in it.
DAEMON_BENCH := $(patsubst %,$(BUILD)/tests/bench/%,daemon_exec daemon_clients daemon_handouts daemon_neighbour \
	daemon_refusals daemon_reclaim daemon_pools registry_cost)
REGISTRY_COST_OBJECTS := $(patsubst %,$(BUILD)/program/vmmallocd/%.o,plan/pool_file_name plan/registry plan/tallies \
	state/escape state/registry_json_decode state/registry_image state/registry_json_encode state/registry_store) \
	$(patsubst %,$(BUILD)/program/common/%.o,base/handout base/text util/boot_id util/whole_file util/write_all)

.PHONY: bench-daemon
bench-daemon: $(DAEMON_BENCH) $(INTEGRATION_PROGRAMS) daemon lib ## what the daemon costs, and saves (about 6 minutes)
	$(Q)tests/bench/daemon.bash

$(BUILD)/tests/bench/daemon_%: $(BUILD)/tests/bench/daemon_%.o $(BUILD)/tests/bench/daemon_take.o \
		$(BUILD)/program/common/base/handout.o
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(LDFLAGS) -o $@

$(BUILD)/tests/bench/registry_cost: $(BUILD)/tests/bench/registry_cost.o $(REGISTRY_COST_OBJECTS)
	@echo "  LINK     $@"
	$(Q)$(CC) $^ $(shell pkg-config --libs jansson) $(LDFLAGS) -o $@
