# distros.mk -- make check-distros: what a user of another release of Debian sees, from nothing.
#
#   make check-distros DISTROS=trixie; then tests/distros/table.bash --write puts the table into doc/tested.md

DISTROS ?= bookworm trixie testing
DISTROS_PACKAGES := debootstrap debian-archive-keyring git python3 util-linux mount tar

.PHONY: check-distros
check-distros: ## make demo and make check in clean Debian 12, 13 and testing, DISTROS= (half an hour each)
	$(Q)tests/lib/install-packages.bash $(DISTROS_PACKAGES)
	$(Q)tests/distros/check.bash $(DISTROS)
