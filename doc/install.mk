# install.mk -- make install, uninstall, dist, demo.

DEBUGDIR := $(LIBDIR)/nvml_debug
CONFDIR := $(SYSCONFDIR)/vmmalloc
INSTALL ?= install

# What goes where, with mode 644 unless it is a program: install and uninstall read these lists. MAN1 ... are by section.
# UNITS are there twice: for the system, and in systemd/user for a user's own daemon.
UNITS := vmmallocd.service vmmallocd.socket vmmallocd-control.socket
SYSTEM_UNITS := $(UNITS) vmmalloc-mounts.service vmmalloc-dax@.service vmmalloc-exporter.service
MONITORING := vmmalloc.rules.yml vmmalloc-dashboard.json
MONITORING_DIR := $(PREFIX)/share/vmmalloc
SYSTEMD_FILES := vmmalloc-generator vmmalloc-dax vmmalloc.sysusers.conf vmmalloc.tmpfiles.conf vmmalloc.udev.rules vmmallocd.conf
BASH_COMPLETIONS := vmmallocctl vmmallocd
ZSH_COMPLETIONS := _vmmallocctl _vmmallocd
MAN1 := doc/vmmallocctl.1
MAN3 := doc/libvmmalloc.3
MAN5 := doc/vmmallocd.conf.5
MAN7 := doc/libvmmalloc.7
MAN8 := doc/vmmallocd.8
INSTALLED_DOCS := README.md CHANGELOG.md LICENSE doc/overview.svg \
	$(patsubst %,doc/%.md,ARCHITECTURE benchmarks containers dax fork install jemalloc limits messages metrics recipes tested variables)
INSTALLED_DIRS := $(LIBDIR) $(DEBUGDIR) $(PKGCONFIGDIR) $(INCLUDEDIR) $(BINDIR) $(SBINDIR) $(DOCDIR) $(CONFDIR)/conf.d \
	$(addprefix $(SYSTEMDDIR)/,system user system-generators) $(SYSUSERSDIR) $(TMPFILESDIR) $(UDEVRULESDIR) $(BASHCOMPDIR) $(ZSHCOMPDIR) \
	$(MONITORING_DIR) $(addprefix $(MANDIR)/man,1 3 5 7 8)
INSTALLED_FILES := $(LIBDIR)/$(SONAME) $(LIBDIR)/libvmmalloc.so $(DEBUGDIR)/$(SONAME) $(DEBUGDIR)/libvmmalloc.so \
	$(INCLUDEDIR)/libvmmalloc.h $(PKGCONFIGDIR)/libvmmalloc.pc $(SBINDIR)/vmmallocd $(BINDIR)/vmmallocctl \
	$(addprefix $(SYSTEMDDIR)/system/,$(SYSTEM_UNITS)) $(addprefix $(SYSTEMDDIR)/user/,$(UNITS)) \
	$(addprefix $(MONITORING_DIR)/,$(MONITORING)) \
	$(SYSTEMDDIR)/system-generators/vmmalloc-generator $(SYSTEMDDIR)/vmmalloc-dax \
	$(SYSUSERSDIR)/vmmalloc.conf $(TMPFILESDIR)/vmmalloc.conf $(UDEVRULESDIR)/90-vmmalloc.rules \
	$(addprefix $(BASHCOMPDIR)/,$(BASH_COMPLETIONS)) $(addprefix $(ZSHCOMPDIR)/,$(ZSH_COMPLETIONS)) \
	$(addprefix $(DOCDIR)/,$(notdir $(INSTALLED_DOCS))) \
	$(foreach n,1 3 5 7 8,$(MAN$n:doc/%=$(MANDIR)/man$n/%))

# What may be empty then, and is nobody's: each before the one that it is in. /usr and /usr/local have the others by
# themselves; a prefix of our own goes as a whole.
above = $(patsubst %/,%,$(dir $1))
UNINSTALLED_DIRS := $(DEBUGDIR) $(DOCDIR) $(MONITORING_DIR) $(CONFDIR)/conf.d $(CONFDIR) $(BASHCOMPDIR) $(call above,$(BASHCOMPDIR)) \
	$(addprefix $(SYSTEMDDIR)/,system user system-generators) $(SYSTEMDDIR) $(SYSUSERSDIR) $(TMPFILESDIR) \
	$(UDEVRULESDIR) $(call above,$(UDEVRULESDIR))
ifeq ($(filter /usr /usr/local,$(PREFIX)),)
UNINSTALLED_DIRS += $(ZSHCOMPDIR) $(call above,$(ZSHCOMPDIR)) $(addprefix $(MANDIR)/man,1 3 5 7 8) $(MANDIR) $(call above,$(DOCDIR)) \
	$(PKGCONFIGDIR) $(LIBDIR) $(INCLUDEDIR) $(BINDIR) $(SBINDIR) $(PREFIX)/lib $(PREFIX)/share $(PREFIX)
endif

$(BUILD)/libvmmalloc.pc: include/libvmmalloc.h Makefile FORCE
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' \
		'Name: libvmmalloc' 'Description: the heap of a program on a memory-mapped file' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lvmmalloc' 'Cflags: -I$${includedir}' >$@

# What names paths is written with those of an installation by default, and installed with those that were asked for.
# Only /run and /var/lib have directories that systemd makes for a service; elsewhere vmmalloc.tmpfiles.conf does.
PATHS_SED := -e 's|/etc/vmmalloc|@SYSCONFDIR@/vmmalloc|g' -e 's|/run/vmmalloc|@RUNSTATEDIR@/vmmalloc|g' \
	-e 's|/var/lib/vmmalloc|@STATEDIR@/vmmalloc|g' -e 's|/usr/local/lib/nvml_debug|@LIBDIR@/nvml_debug|g' \
	-e 's|/usr/local/lib/libvmmalloc|@LIBDIR@/libvmmalloc|g' -e 's|/usr/local/sbin|@SBINDIR@|g' \
	$(if $(filter-out /run,$(RUNSTATEDIR)),-e '/^RuntimeDirectory/d; /^. the sockets are in it/d') \
	$(if $(filter-out /var/lib,$(STATEDIR)),-e '/^StateDirectory/d') \
	$(foreach v,SYSCONFDIR RUNSTATEDIR STATEDIR LIBDIR SBINDIR BINDIR SYSTEMDDIR,-e 's|@$v@|$($v)|g')
PLACED := $(BUILD)/placed
PLACED_FILES := $(addprefix $(PLACED)/systemd/,$(SYSTEM_UNITS) $(UNITS:%=user/%) $(SYSTEMD_FILES)) \
	$(addprefix $(PLACED)/,$(foreach n,1 3 5 7 8,$(MAN$n)) $(INSTALLED_DOCS))

$(PLACED_FILES): $(PLACED)/%: % FORCE
	$(Q)mkdir -p $(@D) && sed $(PATHS_SED) $< >$@

.PHONY: install uninstall FORCE
install: all $(BUILD)/libvmmalloc.pc $(PLACED_FILES) ## install under $(DESTDIR)$(PREFIX)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(INSTALLED_DIRS))
	$(INSTALL) -m 644 $(RELEASE_LIB) $(DESTDIR)$(LIBDIR)/$(SONAME)
	$(INSTALL) -m 644 $(DEBUG_LIB) $(DESTDIR)$(DEBUGDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libvmmalloc.so
	ln -sf $(SONAME) $(DESTDIR)$(DEBUGDIR)/libvmmalloc.so
	$(INSTALL) -m 644 include/libvmmalloc.h $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 644 $(BUILD)/libvmmalloc.pc $(DESTDIR)$(PKGCONFIGDIR)
	$(INSTALL) -m 755 $(DAEMON) $(DESTDIR)$(SBINDIR)
	$(INSTALL) -m 755 $(CTL) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 $(addprefix $(PLACED)/systemd/,$(SYSTEM_UNITS)) $(DESTDIR)$(SYSTEMDDIR)/system
	$(INSTALL) -m 644 $(addprefix $(PLACED)/systemd/user/,$(UNITS)) $(DESTDIR)$(SYSTEMDDIR)/user
	$(INSTALL) -m 755 $(PLACED)/systemd/vmmalloc-generator $(DESTDIR)$(SYSTEMDDIR)/system-generators
	$(INSTALL) -m 755 $(PLACED)/systemd/vmmalloc-dax $(DESTDIR)$(SYSTEMDDIR)
	$(INSTALL) -m 644 $(PLACED)/systemd/vmmalloc.sysusers.conf $(DESTDIR)$(SYSUSERSDIR)/vmmalloc.conf
	$(INSTALL) -m 644 $(PLACED)/systemd/vmmalloc.tmpfiles.conf $(DESTDIR)$(TMPFILESDIR)/vmmalloc.conf
	$(INSTALL) -m 644 $(PLACED)/systemd/vmmalloc.udev.rules $(DESTDIR)$(UDEVRULESDIR)/90-vmmalloc.rules
	$(INSTALL) -m 644 $(addprefix systemd/completions/,$(BASH_COMPLETIONS)) $(DESTDIR)$(BASHCOMPDIR)
	$(INSTALL) -m 644 $(addprefix systemd/completions/,$(ZSH_COMPLETIONS)) $(DESTDIR)$(ZSHCOMPDIR)
	$(INSTALL) -m 644 $(addprefix systemd/monitoring/,$(MONITORING)) $(DESTDIR)$(MONITORING_DIR)
	[ -e $(DESTDIR)$(CONFDIR)/vmmallocd.conf ] || $(INSTALL) -m 644 $(PLACED)/systemd/vmmallocd.conf $(DESTDIR)$(CONFDIR)
	$(foreach n,1 3 5 7 8,$(INSTALL) -m 644 $(addprefix $(PLACED)/,$(MAN$n)) $(DESTDIR)$(MANDIR)/man$n &&) :
	$(INSTALL) -m 644 $(addprefix $(PLACED)/,$(INSTALLED_DOCS)) $(DESTDIR)$(DOCDIR)

uninstall: $(PLACED)/systemd/vmmallocd.conf ## remove what install put there; a configuration that was changed stays
	rm -f $(addprefix $(DESTDIR),$(INSTALLED_FILES))
	! cmp -s $(PLACED)/systemd/vmmallocd.conf $(DESTDIR)$(CONFDIR)/vmmallocd.conf || rm -f $(DESTDIR)$(CONFDIR)/vmmallocd.conf
	rmdir $(addprefix $(DESTDIR),$(UNINSTALLED_DIRS)) 2>/dev/null || :

FORCE:

# The same tree gives the same bytes: sorted, of one owner, and all of the time of the last commit, or, where the tree
# was unpacked from such an archive, of the time that its files have.
DIST := libvmmalloc-$(VERSION)
DIST_TIME = $(or $(SOURCE_DATE_EPOCH),$(shell if [ -e .git ]; then git log -1 --format=%ct; else date -r CHANGELOG.md +%s; fi))

.PHONY: dist
dist: ## the source as an archive, build/libvmmalloc-VERSION.tar.gz
	$(Q)mkdir -p $(BUILD) && tests/lib/source-files.bash >$(BUILD)/dist.list
	$(Q)tar --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@$(DIST_TIME) --no-recursion \
		--transform='s|^|$(DIST)/|' -cf $(BUILD)/$(DIST).tar -T $(BUILD)/dist.list
	$(Q)gzip -9nf $(BUILD)/$(DIST).tar
	@echo "  DIST     $(BUILD)/$(DIST).tar.gz"

.PHONY: demo
demo: ## install what is missing, then show real programs on pools, live, and the daemon
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(DEMO_PACKAGES)
	$(Q)$(MAKE) --no-print-directory lib daemon ctl $(BUILD)/tests/demo/pool_figures
	$(Q)tests/demo/demo.bash
