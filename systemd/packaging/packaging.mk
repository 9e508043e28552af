# packaging.mk -- packages of distributions, made of the archive of `make dist` and of the folder here that is a
# distribution's own. Their version is the one of libvmmalloc.h.

# A release has its day in CHANGELOG.md: "## 1.2.0, 2026-11-27". What is not released yet comes before it, and after
# what was made earlier.
RELEASED := $(shell sed -n 's/^\#\# $(VERSION), \([0-9-]*\)$$/\1/p' CHANGELOG.md)
PACKAGE_TIME = $(if $(RELEASED),$(shell date -u -d '$(RELEASED)' +%s),$(DIST_TIME))
PACKAGE_VERSION = $(VERSION)$(if $(RELEASED),,~$(shell date -u -d '@$(PACKAGE_TIME)' +%Y%m%d%H%M))

.PHONY: deb
deb: ## packages for Debian and its relatives, in build/deb
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(DEB_PACKAGES)
	$(Q)$(MAKE) --no-print-directory dist
	$(Q)systemd/packaging/deb.bash $(BUILD)/$(DIST).tar.gz '$(PACKAGE_VERSION)' '$(PACKAGE_TIME)' $(BUILD)/deb

.PHONY: rpm
rpm: ## packages for Fedora, openSUSE and their relatives, in build/rpm
	$(Q)tests/lib/install-packages.bash $(BUILD_PACKAGES) $(RPM_PACKAGES)
	$(Q)$(MAKE) --no-print-directory dist
	$(Q)systemd/packaging/rpm.bash $(BUILD)/$(DIST).tar.gz '$(PACKAGE_VERSION)' '$(PACKAGE_TIME)' $(BUILD)/rpm '$(JEMALLOC_SRC)'
