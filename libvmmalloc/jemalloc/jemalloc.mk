# jemalloc.mk -- jemalloc for our library: the distribution's static archive, with private names and our hooks.
#
# Every name that jemalloc defines for the public gets the prefix je_, and the version script hides them all. Then
# some references are led to libvmmalloc/jemalloc/seam.c, object by object: there is no other way to tell the metadata's
# requests from the extents', and none at all for the index, the options and a thread's first allocation.
#
# JEMALLOC_ARCHIVE  the archive, built as position-independent code: Debian's libjemalloc-dev has it
# JEMALLOC_SRC      instead: a configured or configurable jemalloc 5.3 source tree, which is built aside

JEMALLOC_ARCHIVE ?= $(shell $(CC) -print-file-name=libjemalloc_pic.a)
JEMALLOC_DIR := $(BUILD)/jemalloc
JEMALLOC := $(JEMALLOC_DIR)/libjemalloc_private.a

ifdef JEMALLOC_SRC
JEMALLOC_ARCHIVE := $(JEMALLOC_DIR)/src/lib/libjemalloc_pic.a

$(JEMALLOC_ARCHIVE):
	$(Q)mkdir -p $(JEMALLOC_DIR) && rm -rf $(JEMALLOC_DIR)/src && cp -R $(JEMALLOC_SRC) $(JEMALLOC_DIR)/src
	$(Q)cd $(JEMALLOC_DIR)/src && { [ -x configure ] || autoconf; } && \
		./configure --quiet --disable-cxx && $(MAKE) -s lib/libjemalloc_pic.a
endif

# Aliases: our names for jemalloc's own functions, at no cost. The debug build traces some (entry_debug.c).
JEMALLOC_ALIASES := nallocx mallctlnametomib malloc_stats_print
TRACED_ALIASES := mallocx dallocx sdallocx
# The other way round, in the release build: here jemalloc's function has the public name, and je_ is the alias. An alias
# that the linker makes has no size, so valgrind does not see it. It would serve some of these functions and not others.
JEMALLOC_NAMED := malloc calloc free posix_memalign aligned_alloc

# object: reference=ours. The names are jemalloc 5.3's; the recipe stops if one is not there.
JEMALLOC_HOOKS := \
	ehooks:je_extent_alloc_mmap=vmm_seam_map_extent \
	ehooks:je_extent_dalloc_mmap=vmm_seam_unmap_extent \
	ehooks:je_pages_unmap=vmm_seam_destroy_extent \
	ehooks:je_pages_commit=vmm_seam_keep_pages \
	ehooks:je_pages_decommit=vmm_seam_keep_pages \
	ehooks:je_pages_purge_lazy=vmm_seam_keep_pages \
	ehooks:je_pages_purge_forced=vmm_seam_keep_pages \
	base:je_extent_alloc_mmap=vmm_seam_map_metadata \
	base:je_extent_dalloc_mmap=vmm_seam_unmap_metadata \
	base:je_pages_decommit=vmm_seam_keep_pages \
	base:je_pages_purge_lazy=vmm_seam_keep_pages \
	base:je_pages_purge_forced=vmm_seam_keep_pages \
	$(foreach object,arena background_thread ctl hpa prof prof_sys sec tcache,$(object):je_base_alloc=vmm_seam_metadata) \
	edata_cache:je_base_alloc_edata=vmm_seam_extent_metadata \
	rtree:je_base_alloc=vmm_seam_map_index \
	tsd:je_tsd_tcache_enabled_data_init=vmm_seam_start_thread \
	tcache:je_arena_palloc=vmm_seam_cache_memory \
	tcache:je_arena_choose_hard=vmm_seam_choose_for_cache \
	$(foreach object,arena ckh ctl jemalloc large prof_data, \
		$(object):je_tcache_arena_associate=vmm_seam_associate_cache \
		$(object):je_tcache_arena_reassociate=vmm_seam_reassociate_cache) \
	ctl:je_arena_reset=vmm_seam_reset \
	ctl:je_arena_destroy=vmm_seam_destroy \
	jemalloc:je_arena_malloc_hard=vmm_seam_malloc_hard \
	jemalloc:je_te_event_trigger=vmm_seam_event \
	jemalloc:pthread_mutex_trylock=vmm_seam_trylock \
	jemalloc:secure_getenv=vmm_seam_options

# What it calls of libc, in any object: by the system call, so that nobody's wrapper is entered (libc.c, kernel.h); or
# not at all. The profiler is off for good: it is not to bring libm and libgcc_s into every process.
JEMALLOC_CALLS := mmap munmap mprotect madvise clock_gettime syscall sysconf strerror_r getpid _exit open creat close \
	sched_yield sched_getcpu sched_getaffinity sched_setaffinity sigfillset gettimeofday pthread_sigmask \
	pthread_create pthread_join pthread_setname_np pthread_getname_np \
	pthread_cond_init pthread_cond_signal pthread_cond_wait pthread_cond_timedwait \
	pthread_atfork readlink sbrk dlsym log exp round _Unwind_Backtrace _Unwind_GetIP

# The compiler names the file alone where there is none.
libjemalloc_pic.a:
	@echo "there is no $@: install libjemalloc-dev (\`make deps\` installs all that is needed)" >&2; exit 1

$(JEMALLOC): libvmmalloc/jemalloc/jemalloc.mk $(JEMALLOC_ARCHIVE)
	@echo "  JEMALLOC $@"
	$(Q)rm -rf $(JEMALLOC_DIR)/objects $@ && mkdir -p $(JEMALLOC_DIR)/objects
	$(Q)cd $(JEMALLOC_DIR)/objects && $(AR) x $(abspath $(JEMALLOC_ARCHIVE)) && rm -f jemalloc_cpp.*
	$(Q)cd $(JEMALLOC_DIR)/objects && \
		$(NM) -g --defined-only *.o | awk 'NF == 3 && $$3 !~ /^je_/ { print $$3, "je_" $$3 }' | \
		sort -u >../private.syms && \
		for name in $(JEMALLOC_CALLS); do echo "$$name vmm_libc_$$name"; done >>../private.syms
	$(Q)cd $(JEMALLOC_DIR)/objects && for hook in $(JEMALLOC_HOOKS); do \
		object=$$(echo $${hook%%:*}.*o); symbols=$${hook#*:}; \
		$(NM) -u $$object | grep -qw "$${symbols%=*}" || { \
			echo "this jemalloc is not a 5.3: $$object does not refer to $${symbols%=*}" >&2; exit 1; }; \
		$(OBJCOPY) --redefine-sym $$symbols $$object || exit 1; \
	done
	$(Q)cd $(JEMALLOC_DIR)/objects && for object in *.o; do \
		$(OBJCOPY) --redefine-syms=../private.syms $$object || exit 1; \
	done && $(AR) rcs ../libjemalloc_private.a *.o

JEMALLOC_RELEASE := $(JEMALLOC_DIR)/libjemalloc_release.a

$(JEMALLOC_RELEASE): $(JEMALLOC)
	$(Q)rm -rf $(JEMALLOC_DIR)/named && mkdir -p $(JEMALLOC_DIR)/named && cp $(JEMALLOC) $@.new
	$(Q)cp $(JEMALLOC_DIR)/objects/jemalloc.*o $(JEMALLOC_DIR)/named/ && cd $(JEMALLOC_DIR)/named && \
		$(OBJCOPY) $(foreach f,$(JEMALLOC_NAMED),--redefine-sym je_$f=$f) jemalloc.*o && $(AR) r ../$(@F).new jemalloc.*o
	$(Q)mv $@.new $@
