# install.mk -- make install, uninstall, demo.

DEBUGDIR := $(LIBDIR)/nvml_debug
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
# Where systemd looks, also below /usr/local: systemd.unit(5), sysusers.d(5), tmpfiles.d(5), systemd.generator(7)
SYSTEMDDIR ?= $(PREFIX)/lib/systemd
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
CONFDIR := $(SYSCONFDIR)/vmmalloc
INSTALL ?= install

# What goes where, with mode 644 unless it is a program: install and uninstall read these lists. MAN1 ... are by section.
UNITS := vmmallocd.service vmmallocd.socket vmmallocd-control.socket
MAN1 := doc/vmmallocctl.1
MAN3 := doc/libvmmalloc.3
MAN5 := doc/vmmallocd.conf.5
MAN7 := doc/libvmmalloc.7
MAN8 := doc/vmmallocd.8
INSTALLED_DOCS := README.md CHANGELOG.md LICENSE doc/ARCHITECTURE.md doc/benchmarks.md doc/dax.md doc/fork.md
INSTALLED_DIRS := $(LIBDIR) $(DEBUGDIR) $(PKGCONFIGDIR) $(INCLUDEDIR) $(BINDIR) $(SBINDIR) $(DOCDIR) $(CONFDIR)/conf.d \
	$(SYSTEMDDIR)/system $(SYSTEMDDIR)/system-generators $(SYSUSERSDIR) $(TMPFILESDIR) \
	$(addprefix $(MANDIR)/man,1 3 5 7 8)
INSTALLED_FILES := $(LIBDIR)/$(SONAME) $(LIBDIR)/libvmmalloc.so $(DEBUGDIR)/$(SONAME) $(DEBUGDIR)/libvmmalloc.so \
	$(INCLUDEDIR)/libvmmalloc.h $(PKGCONFIGDIR)/libvmmalloc.pc $(SBINDIR)/vmmallocd $(BINDIR)/vmmallocctl \
	$(addprefix $(SYSTEMDDIR)/system/,$(UNITS)) $(SYSTEMDDIR)/system-generators/vmmalloc-generator \
	$(SYSUSERSDIR)/vmmalloc.conf $(TMPFILESDIR)/vmmalloc.conf $(addprefix $(DOCDIR)/,$(notdir $(INSTALLED_DOCS))) \
	$(foreach n,1 3 5 7 8,$(MAN$n:doc/%=$(MANDIR)/man$n/%))

$(BUILD)/libvmmalloc.pc: include/libvmmalloc.h Makefile FORCE
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' \
		'Name: libvmmalloc' 'Description: the heap of a program on a memory-mapped file' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lvmmalloc' 'Cflags: -I$${includedir}' >$@

$(BUILD)/vmmallocd.service: systemd/vmmallocd.service Makefile FORCE
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|; s|@BINDIR@|$(BINDIR)|' $< >$@

.PHONY: install uninstall FORCE
install: all $(BUILD)/libvmmalloc.pc $(BUILD)/vmmallocd.service ## install under $(DESTDIR)$(PREFIX)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(INSTALLED_DIRS))
	$(INSTALL) -m 644 $(RELEASE_LIB) $(DESTDIR)$(LIBDIR)/$(SONAME)
	$(INSTALL) -m 644 $(DEBUG_LIB) $(DESTDIR)$(DEBUGDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libvmmalloc.so
	ln -sf $(SONAME) $(DESTDIR)$(DEBUGDIR)/libvmmalloc.so
	$(INSTALL) -m 644 include/libvmmalloc.h $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 644 $(BUILD)/libvmmalloc.pc $(DESTDIR)$(PKGCONFIGDIR)
	$(INSTALL) -m 755 $(DAEMON) $(DESTDIR)$(SBINDIR)
	$(INSTALL) -m 755 $(CTL) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 $(BUILD)/vmmallocd.service $(addprefix systemd/,$(filter %.socket,$(UNITS))) $(DESTDIR)$(SYSTEMDDIR)/system
	$(INSTALL) -m 755 systemd/vmmalloc-generator $(DESTDIR)$(SYSTEMDDIR)/system-generators
	$(INSTALL) -m 644 systemd/vmmalloc.sysusers.conf $(DESTDIR)$(SYSUSERSDIR)/vmmalloc.conf
	$(INSTALL) -m 644 systemd/vmmalloc.tmpfiles.conf $(DESTDIR)$(TMPFILESDIR)/vmmalloc.conf
	[ -e $(DESTDIR)$(CONFDIR)/vmmallocd.conf ] || $(INSTALL) -m 644 systemd/vmmallocd.conf $(DESTDIR)$(CONFDIR)
	$(foreach n,1 3 5 7 8,$(INSTALL) -m 644 $(MAN$n) $(DESTDIR)$(MANDIR)/man$n &&) :
	$(INSTALL) -m 644 $(INSTALLED_DOCS) $(DESTDIR)$(DOCDIR)

uninstall: ## remove what install put there; a configuration that was changed stays
	rm -f $(addprefix $(DESTDIR),$(INSTALLED_FILES))
	! cmp -s systemd/vmmallocd.conf $(DESTDIR)$(CONFDIR)/vmmallocd.conf || rm -f $(DESTDIR)$(CONFDIR)/vmmallocd.conf
	-rmdir $(addprefix $(DESTDIR),$(DEBUGDIR) $(DOCDIR) $(CONFDIR)/conf.d $(CONFDIR)) 2>/dev/null

FORCE:

.PHONY: demo
demo: ## install what is missing, then show real programs on pools, live, and the daemon
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(DEMO_PACKAGES)
	$(Q)$(MAKE) --no-print-directory lib daemon ctl $(BUILD)/tests/demo/pool_figures
	$(Q)tests/demo/demo.bash
