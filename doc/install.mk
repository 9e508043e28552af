# install.mk -- make install, uninstall, demo, lint.

DEBUGDIR := $(LIBDIR)/nvml_debug
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
INSTALL ?= install
INSTALLED_LIBRARIES := $(LIBDIR)/$(SONAME) $(LIBDIR)/libvmmalloc.so $(DEBUGDIR)/$(SONAME) $(DEBUGDIR)/libvmmalloc.so
INSTALLED_DOCS := README.md CHANGELOG.md LICENSE doc/ARCHITECTURE.md doc/benchmarks.md

$(BUILD)/libvmmalloc.pc: include/libvmmalloc.h Makefile FORCE
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' \
		'Name: libvmmalloc' 'Description: the heap of a program on a memory-mapped file' \
		'Version: $(VERSION)' 'Libs: -L$${libdir} -lvmmalloc' 'Cflags: -I$${includedir}' >$@

.PHONY: install uninstall FORCE
install: all $(BUILD)/libvmmalloc.pc ## install under $(DESTDIR)$(PREFIX)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(LIBDIR) $(DEBUGDIR) $(PKGCONFIGDIR) $(INCLUDEDIR) $(MANDIR)/man3 \
		$(MANDIR)/man7 $(DOCDIR))
	$(INSTALL) -m 644 $(RELEASE_LIB) $(DESTDIR)$(LIBDIR)/$(SONAME)
	$(INSTALL) -m 644 $(DEBUG_LIB) $(DESTDIR)$(DEBUGDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libvmmalloc.so
	ln -sf $(SONAME) $(DESTDIR)$(DEBUGDIR)/libvmmalloc.so
	$(INSTALL) -m 644 include/libvmmalloc.h $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 644 $(BUILD)/libvmmalloc.pc $(DESTDIR)$(PKGCONFIGDIR)
	$(INSTALL) -m 644 doc/libvmmalloc.3 $(DESTDIR)$(MANDIR)/man3
	$(INSTALL) -m 644 doc/libvmmalloc.7 $(DESTDIR)$(MANDIR)/man7
	$(INSTALL) -m 644 $(INSTALLED_DOCS) $(DESTDIR)$(DOCDIR)

uninstall: ## remove what install put there
	rm -f $(addprefix $(DESTDIR),$(INSTALLED_LIBRARIES) $(INCLUDEDIR)/libvmmalloc.h $(PKGCONFIGDIR)/libvmmalloc.pc \
		$(MANDIR)/man3/libvmmalloc.3 $(MANDIR)/man7/libvmmalloc.7 \
		$(addprefix $(DOCDIR)/,$(notdir $(INSTALLED_DOCS))))
	-rmdir $(addprefix $(DESTDIR),$(DEBUGDIR) $(DOCDIR)) 2>/dev/null

FORCE:

.PHONY: demo
demo: ## install what is missing, then show a real program on a pool, live
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(DEMO_PACKAGES)
	$(Q)$(MAKE) --no-print-directory lib $(BUILD)/tests/demo/pool_figures
	$(Q)tests/demo/demo.bash

.PHONY: lint
lint: lib debug ## style, layers, exports
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(LINT_PACKAGES)
	$(Q)tests/lint/lint.bash
