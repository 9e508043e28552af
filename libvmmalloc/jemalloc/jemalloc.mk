# jemalloc.mk -- jemalloc for our library: the distribution's static archive, with private names and our hooks.
#
# Every name that jemalloc defines for the public gets the prefix je_, and the version script hides them all. Then
# some references are led to libvmmalloc/jemalloc/seam.c, object by object: there is no other way to tell the metadata's
# requests from the extents', and none at all for the index, the options and a thread's first allocation.
#
# JEMALLOC_ARCHIVE  the archive, built as position-independent code: Debian's libjemalloc-dev has it
# JEMALLOC_SRC      instead: a source tree of jemalloc, which is built aside
# JEMALLOC_CONFIGURE  what its configure is told besides, as --enable-prof
# JEMALLOC_VERSION  what version it is, where it does not say so itself, or another of references.txt that is as good

JEMALLOC_ARCHIVE ?= $(shell $(CC) -print-file-name=libjemalloc_pic.a)
JEMALLOC_DIR := $(BUILD)/jemalloc
JEMALLOC := $(JEMALLOC_DIR)/libjemalloc_private.a

# Another choice than the last time is made anew, whatever is older.
JEMALLOC_CHOSEN := $(JEMALLOC_ARCHIVE) $(JEMALLOC_SRC) $(JEMALLOC_CONFIGURE) $(JEMALLOC_VERSION)
JEMALLOC_CHOICE := $(BUILD)/jemalloc.choice
$(call remember,$(JEMALLOC_CHOSEN),$(JEMALLOC_CHOICE))

ifdef JEMALLOC_SRC
JEMALLOC_ARCHIVE := $(JEMALLOC_DIR)/src/lib/libjemalloc_pic.a

# What configure would ask the processor and the kernel that build, though the library is for others, too. Addresses that
# the kernel gives to who does not ask for more have 48 bits; with 57 the index of pages has a level more, which costs
# time. On arm64 a kernel's pages have up to 64 KiB.
JEMALLOC_MACHINE := $(shell $(CC) -dumpmachine)
JEMALLOC_KIND := $(filter x86_64 aarch64,$(firstword $(subst -, ,$(JEMALLOC_MACHINE))))
JEMALLOC_FOR_ALL := $(if $(JEMALLOC_KIND),--with-lg-vaddr=48) \
	$(if $(filter aarch64,$(JEMALLOC_KIND)),--with-lg-page=16 --with-lg-hugepage=21) \
	$(if $(filter-out $(shell uname -m),$(JEMALLOC_KIND)),--host=$(JEMALLOC_MACHINE))

# Its version is that of its own file or repository: not that of a repository which the build lies in.
$(JEMALLOC_ARCHIVE): $(JEMALLOC_CHOICE)
	@echo "  MAKE     $@"
	$(Q)[ -f '$(JEMALLOC_SRC)/configure.ac' ] && [ -d '$(JEMALLOC_SRC)/include/jemalloc' ] || { \
		echo "JEMALLOC_SRC=$(JEMALLOC_SRC): expected a source tree of jemalloc" >&2; exit 1; }
	$(Q)mkdir -p $(JEMALLOC_DIR) && rm -rf $(JEMALLOC_DIR)/src && cp -R '$(JEMALLOC_SRC)' $(JEMALLOC_DIR)/src
	$(Q)cd $(JEMALLOC_DIR)/src && export GIT_CEILING_DIRECTORIES='$(abspath $(JEMALLOC_DIR))' MAKEFLAGS= && \
		{ { [ -x configure ] || autoconf; } && EXTRA_CFLAGS=-fno-lto \
		./configure --quiet --disable-cxx $(JEMALLOC_FOR_ALL) $(JEMALLOC_CONFIGURE) && \
		$(MAKE) -s clean && $(MAKE) -s lib/libjemalloc_pic.a; } >make.log 2>&1 || { tail -n 20 make.log >&2; exit 1; }
endif

# Aliases: our names for jemalloc's own functions, at no cost. The debug build traces some (entry_debug.c).
JEMALLOC_ALIASES := nallocx mallctlnametomib malloc_stats_print
TRACED_ALIASES := dallocx sdallocx
# The other way round, in the release build: here jemalloc's function has the public name, and je_ is the alias. An alias
# that the linker makes has no size, so valgrind does not see it. It would serve some of these functions and not others.
JEMALLOC_NAMED := calloc posix_memalign aligned_alloc

# What it calls of libc, in any object: by the system call, so that nobody's wrapper is entered (libc.c, kernel.h); or
# not at all. The profiler is off for good: it is not to bring libm and libgcc_s into every process.
JEMALLOC_CALLS := mmap munmap mprotect madvise clock_gettime syscall sysconf strerror_r getpid _exit open creat close \
	gettid sched_yield sched_getcpu sched_getaffinity sched_setaffinity sigfillset gettimeofday \
	pthread_sigmask pthread_create pthread_join pthread_setname_np pthread_getname_np \
	pthread_cond_init pthread_cond_signal pthread_cond_wait pthread_cond_timedwait \
	pthread_atfork readlink sbrk dlsym log exp round strtol __isoc23_strtol strtok _Unwind_Backtrace _Unwind_GetIP

# The compiler names the file alone where there is none.
libjemalloc_pic.a:
	@echo "there is no $@: install libjemalloc-dev (\`make deps\` installs all that is needed), or, where the" \
		"distribution has none, \`make JEMALLOC_SRC=DIR\` with a source tree of jemalloc: doc/jemalloc.md" >&2; exit 1

# Which reference is led where, in which version: references.txt.
JEMALLOC_TABLE := $(addprefix libvmmalloc/jemalloc/,jemalloc.mk take-apart.sh references.awk references.txt)

$(JEMALLOC): $(JEMALLOC_TABLE) $(JEMALLOC_ARCHIVE) $(JEMALLOC_CHOICE)
	@echo "  JEMALLOC $@"
	$(Q)mkdir -p $(JEMALLOC_DIR)
	$(Q)AR='$(AR)' NM='$(NM)' OBJCOPY='$(OBJCOPY)' CALLS='$(JEMALLOC_CALLS)' libvmmalloc/jemalloc/take-apart.sh \
		'$(abspath $(JEMALLOC_ARCHIVE))' '$(abspath $(JEMALLOC_DIR))' $(JEMALLOC_VERSION)

# Arguments of jemalloc's functions differ.
SEAM_OBJECTS := $(foreach f,release debug,$(foreach o,jemalloc/front jemalloc/seam jemalloc/transfer exports/entry \
	exports/operators,$(BUILD)/$f/libvmmalloc/$o.o))
$(SEAM_OBJECTS): $(JEMALLOC)
$(SEAM_OBJECTS): LIB_CFLAGS += $$(cat $(JEMALLOC_DIR)/traits)

JEMALLOC_RELEASE := $(JEMALLOC_DIR)/libjemalloc_release.a

$(JEMALLOC_RELEASE): $(JEMALLOC)
	$(Q)rm -rf $(JEMALLOC_DIR)/named && mkdir -p $(JEMALLOC_DIR)/named && cp $(JEMALLOC) $@.new
	$(Q)cp $(JEMALLOC_DIR)/objects/jemalloc.*o $(JEMALLOC_DIR)/named/ && cd $(JEMALLOC_DIR)/named && \
		$(OBJCOPY) $(foreach f,$(JEMALLOC_NAMED),--redefine-sym je_$f=$f) jemalloc.*o && $(AR) r ../$(@F).new jemalloc.*o
	$(Q)mv $@.new $@
