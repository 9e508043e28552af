# library.mk -- libvmmalloc.so.1, twice: build/release, and build/debug with traces and assertions.

ONLY_DEBUG := libvmmalloc/base/trace.c libvmmalloc/exports/entry_debug.c
DEBUG_SOURCES := $(sort $(wildcard common/base/*.c libvmmalloc/*.c libvmmalloc/*/*.c))
LIB_SOURCES := $(filter-out $(ONLY_DEBUG),$(DEBUG_SOURCES))

RELEASE_LIB := $(BUILD)/release/$(SONAME)
DEBUG_LIB := $(BUILD)/debug/$(SONAME)
RELEASE_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/release/%.o)
DEBUG_OBJECTS := $(DEBUG_SOURCES:%.c=$(BUILD)/debug/%.o)

comma := ,
LIB_LDFLAGS := -shared -Wl,-soname,$(SONAME) -Wl,--version-script=libvmmalloc/exports/libvmmalloc.map \
	-Wl,-z,defs -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,--gc-sections
# All references in the library, jemalloc's included, go to mutex.c and libc.c.
LIB_LDFLAGS += -Wl,--wrap=__sched_cpucount $(addprefix -Wl$(comma)--wrap=pthread_,self mutex_init mutex_lock mutex_trylock mutex_unlock \
	mutexattr_init mutexattr_settype mutexattr_destroy)
LIB_LIBS := -pthread

# What the seam relies on, beyond names, is tried when the library is built, where this machine can run it.
SEAM_CHECK := $(BUILD)/debug/seam
SEAM_CHECKED := $(BUILD)/debug/seam.checked
SEAM_RUN := VMMALLOC_POOL_SIZE=64M VMMALLOC_ARENAS=3 VMMALLOC_POOL_DIR=

.PHONY: lib debug
lib: $(RELEASE_LIB) $(BUILD)/release/libvmmalloc.so ## the library
debug: $(DEBUG_LIB) $(BUILD)/debug/libvmmalloc.so $(SEAM_CHECKED) ## the library with traces and assertions

$(RELEASE_LIB): $(RELEASE_OBJECTS) $(JEMALLOC_RELEASE) libvmmalloc/exports/libvmmalloc.map
	@echo "  LINK     $@"
	$(Q)$(CC) $(LIB_LDFLAGS) $(foreach f,$(JEMALLOC_ALIASES) $(TRACED_ALIASES),-Wl,--defsym=$f=je_$f) \
		$(foreach f,$(JEMALLOC_NAMED),-Wl,--defsym=je_$f=$f) $(RELEASE_OBJECTS) $(JEMALLOC_RELEASE) $(LIB_LIBS) \
		$(LDFLAGS) -o $@

$(DEBUG_LIB): $(DEBUG_OBJECTS) $(JEMALLOC) libvmmalloc/exports/libvmmalloc.map
	@echo "  LINK     $@"
	$(Q)$(CC) $(LIB_LDFLAGS) $(foreach f,$(JEMALLOC_ALIASES),-Wl,--defsym=$f=je_$f) \
		$(DEBUG_OBJECTS) $(JEMALLOC) $(LIB_LIBS) $(LDFLAGS) -o $@

$(SEAM_CHECK): tests/seam/seam.c $(addprefix tests/preload/,check.h full_pool.h thread_count.h) $(DEBUG_OBJECTS) $(JEMALLOC)
	@echo "  LINK     $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -Iinclude -Wall -Wextra -O1 -g -fno-builtin $$(cat $(JEMALLOC_DIR)/traits) $< \
		$(filter -Wl$(comma)--wrap=%,$(LIB_LDFLAGS)) $(DEBUG_OBJECTS) $(JEMALLOC) $(LIB_LIBS) $(LDFLAGS) -o $@

$(SEAM_CHECKED): $(SEAM_CHECK)
	@echo "  CHECK    $<"
	$(Q)if [ "$$($(CC) -dumpmachine | sed 's/-.*//')" != "$$(uname -m)" ]; then \
		echo "$<: not run: this machine is of another kind" >&2; \
	else \
		$(SEAM_RUN)'$(abspath $(BUILD))' $< || { \
			echo "this jemalloc is not as the library needs it: see above, and doc/jemalloc.md" >&2; exit 1; }; \
	fi
	$(Q)touch $@

# Said once, before the compiler says what is missing in every file.
$(BUILD)/glibc:
	@echo '#include <features.h>' | $(CC) -E -dM -xc - 2>/dev/null | grep -q '__GLIBC__' || { \
		echo "the library needs glibc, and CC=$(CC) does not compile for it" >&2; exit 1; }
	$(Q)mkdir -p $(@D) && touch $@

$(BUILD)/%/libvmmalloc.so: $(BUILD)/%/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

$(BUILD)/%/libvmmalloc/exports/operators.o: LIB_CFLAGS += -fexceptions -Wno-missing-prototypes

$(BUILD)/release/%.o: %.c | $(BUILD)/glibc
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LIB_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/debug/%.o: %.c | $(BUILD)/glibc
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LIB_CFLAGS) -DVMM_DEBUG $(CPPFLAGS) $(CFLAGS) -c $< -o $@
