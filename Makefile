# libvmmalloc -- `make help` says what there is.

CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
SYSCONFDIR ?= /etc
RUNSTATEDIR ?= /run
STATEDIR ?= /var/lib
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/libvmmalloc
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
# Where systemd looks, also below /usr/local: systemd.unit(5), sysusers.d(5), tmpfiles.d(5), systemd.generator(7)
SYSTEMDDIR ?= $(PREFIX)/lib/systemd
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
UDEVRULESDIR ?= $(PREFIX)/lib/udev/rules.d
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
AR ?= ar
NM ?= nm
OBJCOPY ?= objcopy
BUILD := build
VERSION := $(shell sed -n 's/^\#define VMMALLOC_VERSION "\(.*\)"/\1/p' include/libvmmalloc.h)
SONAME := libvmmalloc.so.1
Q := $(if $(V),,@)

# A path becomes a word of the shell, and stands in C, in units and in sed's commands. A slash at its end says nothing.
not_a_path = $(filter-out 0 1,$(words $1))$(strip $(foreach c,' " ` \ | & ; $$ * ? % < >,$(findstring $c,$1)))
PLACES := PREFIX LIBDIR INCLUDEDIR BINDIR SBINDIR SYSCONFDIR RUNSTATEDIR STATEDIR MANDIR DOCDIR PKGCONFIGDIR SYSTEMDDIR \
	SYSUSERSDIR TMPFILESDIR UDEVRULESDIR BASHCOMPDIR ZSHCOMPDIR
$(foreach v,$(PLACES),$(if $(call not_a_path,$($v))$(filter-out /%,$($v)),\
	$(error $v=$($v): expected an absolute path, without spaces or special characters)))
$(foreach v,DESTDIR BUILD,$(if $(call not_a_path,$($v)),\
	$(error $v=$($v): expected a path without spaces or special characters)))
$(foreach v,$(PLACES),$(eval override $v := $(patsubst %/,%,$($v))))

# Compiled in: common/base/paths.h.
LIB_FROM_BIN := $(shell realpath -ms --relative-to='$(BINDIR)' '$(LIBDIR)')
PATHS_CFLAGS := -DVMMALLOC_SYSCONFDIR='"$(SYSCONFDIR)"' -DVMMALLOC_RUNSTATEDIR='"$(RUNSTATEDIR)"' \
	-DVMMALLOC_STATEDIR='"$(STATEDIR)"' -DVMMALLOC_LIB_FROM_BIN='"$(LIB_FROM_BIN)"'

STD_CFLAGS := -std=gnu11 -I. -D_GNU_SOURCE $(PATHS_CFLAGS) -MMD -MP -Wall -Wextra -Wshadow -Wvla -Wpointer-arith \
	-Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wundef $(if $(CI),-Werror)
LIB_CFLAGS := $(STD_CFLAGS) -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-builtin-malloc \
	-fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free

# $(call remember,WORDS,FILE): the file has these words, and is new where they are others than the last time.
remember = $(shell mkdir -p $(BUILD) && { echo '$(strip $1)' | cmp -s - $2 || echo '$(strip $1)' >$2; })

.PHONY: all
all: lib debug daemon ctl

include libvmmalloc/jemalloc/jemalloc.mk
include libvmmalloc/library.mk
include vmmallocd/vmmallocd.mk
include tests/packages.mk
include tests/tests.mk
include tests/seam/seam.mk
include tests/fuzz/fuzz.mk
include tests/integration/integration.mk
include tests/storm/storm.mk
include tests/vm/vm.mk
include tests/arm64/arm64.mk
include tests/distros/distros.mk
include tests/bench/bench.mk
include tests/lint/lint.mk
include doc/install.mk
include systemd/packaging/packaging.mk

.PHONY: clean
clean: ## remove all that was built
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST) | sort
	@echo '  variables: PREFIX LIBDIR INCLUDEDIR BINDIR SBINDIR SYSCONFDIR RUNSTATEDIR STATEDIR SYSTEMDDIR MANDIR DOCDIR'
	@echo '             DESTDIR CC CFLAGS CPPFLAGS LDFLAGS V=1'
	@echo '  jemalloc: JEMALLOC_SRC=DIR JEMALLOC_CONFIGURE=OPTIONS JEMALLOC_ARCHIVE=FILE JEMALLOC_VERSION=VERSION, doc/jemalloc.md'

# What the compiler has found to be included where: beside objects alone, as there may be whole systems below $(BUILD).
DEPENDENCIES := $(shell find $(BUILD)/tests $(wildcard $(foreach room,common libvmmalloc vmmallocd tests,$(BUILD)/*/$(room))) \
	-name '*.d' 2>/dev/null)

# What was compiled with other paths than these is made again.
PATHS_STAMP := $(BUILD)/paths
$(call remember,$(PATHS_CFLAGS),$(PATHS_STAMP))
$(patsubst %.d,%.o,$(shell grep -lF common/base/paths.h /dev/null $(DEPENDENCIES))): $(PATHS_STAMP)

-include $(DEPENDENCIES)
