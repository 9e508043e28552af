# vm.mk -- make check-vm: what needs another machine than this one. A guest with persistent memory (tests/vm/*.bash start
# one and run tests/vm/guest/*.bash in it), and a systemd in a container. Nothing is left on this machine but packages.

VM_PROGRAMS := $(patsubst tests/vm/helpers/%.c,$(BUILD)/tests/vm/%,$(wildcard tests/vm/helpers/*.c))
VM_CC = $(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O1 -g -fno-builtin
VM_SUITES := $(wildcard tests/vm/check_*.bash)
VM_CI_SUITES := $(addprefix tests/vm/,check_container.bash check_mounts.bash check_configuration.bash check_boot.bash \
	check_rpm.bash check_dax_short.bash)

.PHONY: check-vm check-vm-ci check-packages vm-deps vm-programs
check-vm: vm-deps ## DAX, huge pages, system crashes and systemd, in small virtual machines (three quarters of an hour)
	$(Q)$(MAKE) --no-print-directory tests vm-programs
	$(Q)SUITE_DEADLINE=3600 tests/lib/check.bash $(filter-out %/check_dax_short.bash,$(VM_SUITES))
check-vm-ci: vm-deps ## the short part of that: systemd in containers, packages for rpm, and one boot with DAX
	$(Q)$(MAKE) --no-print-directory tests vm-programs
	$(Q)tests/lib/check.bash $(VM_CI_SUITES)

check-packages: ## Debian's packages, made and installed in clean Debian 12, 13 and testing, DISTROS= (two minutes each)
	$(Q)tests/lib/install-packages.bash $(DISTROS_PACKAGES) systemd systemd-container
	$(Q)status=0; for release in $(DISTROS); do tests/vm/check_packages.bash $$release || status=1; done; exit $$status

# What cannot be installed is named by the suites, which are skipped then.
vm-deps: deps
	-$(Q)tests/lib/install-packages.bash $(VM_PACKAGES)

vm-programs: $(VM_PROGRAMS) $(BUILD)/tests/vm/fill $(BUILD)/tests/vm/fork_then_full

$(BUILD)/tests/vm/%: tests/vm/helpers/%.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(VM_CC) $< -o $@
$(BUILD)/tests/vm/%: tests/e2e/helpers/%.c
	@echo "  CC       $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(VM_CC) $< -pthread -o $@
